// A mail server for the tests of the delivery: takes messages as a real one would, and misbehaves where a test says so. It
// keeps all that it heard. Loopback only; closed by the test's teardown.

import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { TLSSocket, createSecureContext } from "node:tls";
import type { ExecutionContext } from "ava";
import type { Leg } from "@postern/contracts";
import { testCertificate, testLeg } from "@postern/testing";

/** A reply without CRLF at the end; "hang up" and "say nothing" do just that. */
export type Answer = string;

export interface BackendOptions {
  readonly name?: string;
  readonly lmtp?: boolean;
  /** What EHLO lists. */
  readonly extensions?: readonly string[];
  /** The answer to a command; undefined: the usual one. `index`: the number of the connection, from 0. */
  readonly on?: (command: string, index: number) => Answer | undefined;
  /** The answer to the end of a message, for a recipient where there is one. */
  readonly atEnd?: (recipient: string, index: number) => Answer | undefined;
  /** Called with the content so far, as it is on the wire; an answer ends the message there. */
  readonly during?: (content: string, index: number) => Answer | undefined;
  readonly leg?: Partial<Leg>;
}

export interface Taken {
  readonly from: string;
  readonly to: readonly string[];
  /** As on the wire, with the final dot. */
  readonly wire: Buffer;
}

export interface TestBackend {
  readonly leg: Leg;
  /** All command lines of each connection. */
  readonly heard: string[][];
  /** Messages whose end was answered with 2xx (LMTP: for at least one recipient). */
  readonly taken: Taken[];
  /** Connections that are open now. */
  readonly open: Set<Socket>;
  /** Content that came without an end, of connections that are closed. */
  readonly cut: string[];
  stop(): Promise<void>;
}

const END = "\r\n.\r\n";

class Visitor {
  readonly #options: BackendOptions;
  readonly #backend: TestBackend;
  readonly #index: number;
  #socket: Socket;
  #input: Buffer = Buffer.alloc(0);
  #content = false;
  #from = "";
  #to: string[] = [];

  constructor(socket: Socket, options: BackendOptions, backend: TestBackend) {
    this.#options = options;
    this.#backend = backend;
    this.#index = backend.heard.push([]) - 1;
    this.#socket = socket;
  }

  greet(): void {
    this.#listen(this.#socket);
    this.#say(this.#options.on?.("", this.#index) ?? "220 ready");
  }

  #listen(socket: Socket): void {
    socket.on("error", () => {});
    socket.on("end", () => socket.end());
    socket.on("data", (chunk: Buffer) => {
      this.#input = Buffer.concat([this.#input, chunk]);
      this.#work();
    });
    socket.on("close", () => {
      if (this.#content) this.#backend.cut.push(this.#input.toString("latin1", 2));
      this.#content = false;
    });
  }

  #say(answer: Answer): void {
    if (answer === "hang up") this.#socket.destroy();
    else if (answer !== "say nothing") this.#socket.write(`${answer}\r\n`, "latin1");
  }

  #work(): void {
    for (;;) {
      if (this.#content) {
        if (!this.#takeContent()) return;
        continue;
      }
      const end = this.#input.indexOf("\r\n");
      if (end === -1) return;
      const line = this.#input.toString("latin1", 0, end);
      this.#input = this.#input.subarray(end + 2);
      this.#command(line);
    }
  }

  #takeContent(): boolean {
    const early = this.#options.during?.(this.#input.toString("latin1", 2), this.#index);
    if (early !== undefined) {
      if (/^[45]/.test(early)) this.#content = false;
      this.#say(early);
      return false;
    }
    const end = this.#input.indexOf(END);
    if (end === -1) return false;
    const wire = this.#input.subarray(2, end + END.length);
    this.#input = this.#input.subarray(end + END.length);
    this.#content = false;
    const askedFor = this.#options.lmtp === true ? this.#to : [""];
    const answers = askedFor.map((to) => this.#options.atEnd?.(to, this.#index) ?? `250 2.0.0 ${to} taken`);
    if (answers.some((answer) => answer.startsWith("2")))
      this.#backend.taken.push({ from: this.#from, to: this.#to, wire: Buffer.from(wire) });
    for (const answer of answers) this.#say(answer);
    return true;
  }

  #command(line: string): void {
    this.#backend.heard[this.#index]?.push(line);
    const answer = this.#options.on?.(line, this.#index) ?? this.#usual(line);
    this.#say(answer);
    if (!answer.startsWith("2") && !answer.startsWith("354")) return;
    if (/^(MAIL|RSET|XCLIENT)/.test(line)) this.#to = [];
    if (line.startsWith("MAIL")) this.#from = line.slice(10);
    if (line.startsWith("RCPT")) this.#to.push(/<(.*)>/.exec(line)?.[1] ?? "");
    if (line === "DATA") this.#beginContent();
    if (line === "STARTTLS") this.#startTls();
    if (line === "QUIT") this.#socket.end();
  }

  /** The CRLF of DATA belongs to the end of an empty message. */
  #beginContent(): void {
    this.#content = true;
    this.#input = Buffer.concat([Buffer.from("\r\n"), this.#input]);
  }

  #startTls(): void {
    const plain = this.#socket;
    plain.removeAllListeners("data");
    this.#socket = new TLSSocket(plain, { isServer: true, secureContext: createSecureContext(testCertificate()) });
    this.#listen(this.#socket);
  }

  #usual(line: string): Answer {
    const [verb = ""] = line.split(" ");
    const { name = "mbx1", extensions = [], lmtp = false } = this.#options;
    if (verb === (lmtp ? "LHLO" : "EHLO"))
      return [name, ...extensions].map((each, at, all) => `250${at === all.length - 1 ? " " : "-"}${each}`).join("\r\n");
    const usual: Readonly<Record<string, Answer>> = {
      MAIL: "250 2.1.0 sender ok",
      RCPT: "250 2.1.5 recipient ok",
      DATA: this.#to.length > 0 ? "354 go on" : "554 5.5.1 no valid recipients",
      RSET: "250 2.0.0 forgotten",
      XCLIENT: "220 again",
      XFORWARD: "250 noted",
      STARTTLS: "220 go on",
      QUIT: "221 bye",
    };
    return usual[verb] ?? "502 5.5.2 what";
  }
}

export async function startBackend(t: ExecutionContext, options: BackendOptions = {}): Promise<TestBackend> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    new Visitor(socket, options, backend).greet();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const stop = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of open) socket.destroy();
    await closed;
  };
  t.teardown(stop);
  const scheme = options.lmtp === true ? "lmtp" : "smtp";
  const leg = testLeg((server.address() as AddressInfo).port, {
    backend: options.name ?? "mbx1",
    protocol: "smtp",
    scheme,
    ...options.leg,
  });
  const backend: TestBackend = { leg, heard: [], taken: [], open, cut: [], stop };
  return backend;
}
