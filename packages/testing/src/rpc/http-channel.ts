// One HTTP request of RPC over HTTP v2 ([MS-RPCH] section 2.1.2.1) as tests send it: head and body by hand over TLS or plain TCP. It
// reads the answer's head and cuts its body into PDUs. Throws nothing: what is wrong is told to its listener.

import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { PduSplitter } from "./pdus.ts";

export interface ChannelOptions {
  readonly port: number;
  readonly method: "RPC_IN_DATA" | "RPC_OUT_DATA";
  /** Path and query. */
  readonly target: string;
  /** Of the body, octets. */
  readonly length: number;
  /** The authority of the server's certificate; without it: plain TCP. */
  readonly ca?: string;
  /** The value of Authorization. */
  readonly authorization?: string;
  /** Waits for 100 Continue before the body. */
  readonly expect?: boolean;
  /** Cuts what is sent; each piece is a write of its own. */
  readonly cut?: (bytes: Buffer) => readonly Buffer[];
}

/** An answer's head. */
export interface AnswerHead {
  readonly status: number;
  readonly reason: string;
  readonly fields: ReadonlyMap<string, string>;
}

export interface ChannelHears {
  head(head: AnswerHead): void;
  pdu(pdu: Buffer): void;
  /** Nothing more comes. */
  over(why: string): void;
}

const LONGEST_HEAD = 16 * 1024;

/** A channel that was asked for. */
export class HttpChannel {
  /** Octets of the body that were sent, or wait for 100 Continue. */
  sent = 0;
  /** Octets of the answer's body. */
  received = 0;
  head: AnswerHead | undefined;
  isOver = false;
  readonly #options: ChannelOptions;
  readonly #socket: Socket;
  readonly #hears: ChannelHears;
  readonly #splitter = new PduSplitter();
  #text = "";
  #held: Buffer[] | undefined;

  constructor(options: ChannelOptions, hears: ChannelHears) {
    this.#options = options;
    this.#hears = hears;
    this.#held = options.expect === true ? [] : undefined;
    const { port, ca } = options;
    const host = "127.0.0.1";
    this.#socket =
      ca === undefined ? connectTcp({ port, host, noDelay: true }) : connectTls({ port, host, ca, servername: "localhost" });
    this.#socket.setNoDelay(true);
    this.#write(Buffer.from(headOf(options)));
    this.#socket.on("data", (chunk: Buffer) => this.#guarded(() => this.#data(chunk)));
    this.#socket.once("error", (error) => this.#over(error.message));
    this.#socket.once("end", () => this.#over("it was ended"));
    this.#socket.once("close", () => this.#over("it was closed"));
  }

  /** Sends octets of the body. */
  send(bytes: Buffer): void {
    this.sent += bytes.length;
    if (this.#held === undefined) this.#write(bytes);
    else this.#held.push(bytes);
  }

  /** Octets that may still be sent. */
  get left(): number {
    return this.#options.length - this.sent;
  }

  /** Ends it without a word; nothing more is heard of it. */
  kill(): void {
    this.isOver = true;
    this.#socket.destroy();
  }

  #write(bytes: Buffer): void {
    for (const piece of this.#options.cut?.(bytes) ?? [bytes]) this.#socket.write(piece);
  }

  #over(why: string): void {
    if (this.isOver) return;
    this.kill();
    this.#hears.over(why);
  }

  #guarded(work: () => void): void {
    if (this.isOver) return;
    try {
      work();
    } catch (error) {
      this.#over(error instanceof Error ? error.message : String(error));
    }
  }

  #data(chunk: Buffer): void {
    if (this.head !== undefined) return this.#body(chunk);
    this.#text += chunk.toString("latin1");
    const end = this.#text.indexOf("\r\n\r\n");
    if (end === -1 && this.#text.length > LONGEST_HEAD) throw new Error("An answer's head without end");
    if (end === -1) return;
    const rest = Buffer.from(this.#text.slice(end + 4), "latin1");
    const head = readHead(this.#text.slice(0, end));
    this.#text = "";
    if (head.status === 100) {
      this.#continue();
      if (rest.length > 0) this.#data(rest);
      return;
    }
    this.head = head;
    this.#hears.head(head);
    if (rest.length > 0) this.#guarded(() => this.#body(rest));
  }

  #continue(): void {
    if (this.#held === undefined) throw new Error("100 Continue that nobody waits for");
    const held = this.#held;
    this.#held = undefined;
    for (const bytes of held) this.#write(bytes);
  }

  #body(chunk: Buffer): void {
    this.received += chunk.length;
    const announced = Number(this.head?.fields.get("content-length") ?? Number.NaN);
    if (this.received > announced) throw new Error(`An answer is longer than the ${announced} octets of its head`);
    // What is no PDU stream (the body of a 503) has been told with its head.
    if (this.head?.status !== 200) return;
    for (const pdu of this.#splitter.feed(chunk)) if (!this.isOver) this.#hears.pdu(pdu);
  }
}

function headOf({ method, target, length, authorization, expect }: ChannelOptions): string {
  const lines = [
    `${method} ${target} HTTP/1.1`,
    "Cache-Control: no-cache",
    "Pragma: No-cache",
    "Connection: Keep-Alive",
    "Accept: application/rpc",
    "User-Agent: MSRPC",
    "Host: localhost",
    `Content-Length: ${length}`,
    ...(authorization === undefined ? [] : [`Authorization: ${authorization}`]),
    ...(expect === true ? ["Expect: 100-continue"] : []),
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

function readHead(text: string): AnswerHead {
  const [first = "", ...lines] = text.split("\r\n");
  const [, status = "", reason = ""] = /^HTTP\/1\.[01] (\d{3}) (.*)$/.exec(first) ?? [];
  if (status === "") throw new Error(`Not the head of an answer: ${first}`);
  const fields = lines.map((line): [string, string] => {
    const [, name = "", value = ""] = /^([^:]+):\s*(.*?)\s*$/.exec(line) ?? [];
    return [name.toLowerCase(), value];
  });
  return { status: Number(status), reason, fields: new Map(fields) };
}
