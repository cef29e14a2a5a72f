// Plays a transcript against a gateway: a scripted client on one side, a scripted backend on the other, step by step in
// the order of the file. What the gateway must say has arrived in full before the next step is done. All waits have a
// deadline. Throws TranscriptFailure with the line, what was expected and what came. Loopback only.

import { selfSigned } from "@postern/certs";
import type { CertificateAndKey } from "@postern/certs";
import { connect as connectTcp, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { connect as connectTls, createSecureContext, TLSSocket } from "node:tls";
import type { ConnectionOptions } from "node:tls";
import { ScriptedPeer, shown, Unexpected } from "./scripted-peer.ts";
import type { Directives, Step, Transcript } from "./transcript.ts";

export interface TranscriptOptions {
  /** Starts a gateway whose backend is on `backendPort` of 127.0.0.1; the port of 127.0.0.1 that the client dials. */
  readonly connect: (backendPort: number, directives: Directives) => Promise<number>;
  /** What the scripted backend shows in a handshake; self-signed for localhost and 127.0.0.1 by default. */
  readonly backendCertificate?: CertificateAndKey;
  /** The client's TLS options; it does not check certificates unless told to. */
  readonly clientTls?: ConnectionOptions;
  /** Milliseconds for each wait: 5000 by default. */
  readonly timeoutMs?: number;
}

export class TranscriptFailure extends Error {
  constructor(transcript: string, line: number, message: string) {
    super(`${transcript}:${line}: ${message}`);
    this.name = "TranscriptFailure";
  }
}

/** Plays it from the first line to the last; resolves when all was as written. Does not stop the gateway. */
export async function runTranscript(transcript: Transcript, options: TranscriptOptions): Promise<void> {
  const stage = new Stage(options);
  const last = transcript.steps.at(-1);
  let line = transcript.steps[0]?.line ?? 0;
  try {
    await stage.open(transcript.directives);
    for (const step of transcript.steps) {
      line = step.line;
      await stage.play(step);
    }
    line = last?.line ?? line;
    stage.checkNothingLeft();
  } catch (error) {
    if (error instanceof Unexpected) throw new TranscriptFailure(transcript.name, line, error.message);
    throw error;
  } finally {
    stage.close();
  }
}

let defaultCertificate: CertificateAndKey | undefined;

class Stage {
  readonly #options: TranscriptOptions;
  readonly #timeoutMs: number;
  readonly #server: Server;
  readonly #waiting: ScriptedPeer[] = [];
  readonly #all: ScriptedPeer[] = [];
  #arrived: () => void = () => {};
  #client: ScriptedPeer | undefined;
  #backend: ScriptedPeer | undefined;

  constructor(options: TranscriptOptions) {
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? 5000;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#waiting.push(this.#peer(socket));
      this.#arrived();
    });
  }

  async open(directives: Directives): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    const port = await this.#options.connect((this.#server.address() as AddressInfo).port, directives);
    this.#client = this.#peer(connectTcp({ port, host: "127.0.0.1" }));
    if (directives["tls"] !== undefined) await this.#clientTls();
  }

  async play(step: Step): Promise<void> {
    if (step.kind === "say") return (await this.#speaker(step.who)).write(step.data);
    if (step.kind === "hear") return hear(await this.#speaker(step.who), step);
    const marks: Readonly<Record<string, () => Promise<void>>> = {
      "C tls": () => this.#clientTls(),
      "C close": async () => (await this.#speaker("C")).end(),
      "S closed": async () => (await this.#speaker("S")).closed(),
      "G connect": () => this.#nextBackend(),
      "G tls": () => this.#backendTls(),
      "G closed": async () => (await this.#speaker("G")).closed(),
      "B close": async () => (await this.#speaker("B")).end(),
      "B silent": async () => {},
    };
    await marks[`${step.who} ${step.marker}`]?.();
  }

  /** The gateway has said no more than what is written, as far as it has arrived. */
  checkNothingLeft(): void {
    const left = [this.#client, this.#backend].find((peer) => peer !== undefined && peer.unread.length > 0);
    if (left !== undefined)
      throw new Unexpected("no more than the transcript says", `${left === this.#client ? "S" : "G"}: ${shown(left.unread)}`);
    if (this.#waiting.length > 0)
      throw new Unexpected("no more connections to the backend than the transcript says", `${this.#waiting.length} more`);
  }

  close(): void {
    for (const peer of this.#all) peer.destroy();
    this.#server.close();
  }

  #peer(socket: Socket): ScriptedPeer {
    socket.setNoDelay(true);
    const peer = new ScriptedPeer(socket, this.#timeoutMs);
    this.#all.push(peer);
    return peer;
  }

  async #speaker(who: Step["who"]): Promise<ScriptedPeer> {
    if (who === "G" || who === "B") {
      if (this.#backend === undefined) await this.#nextBackend();
      return this.#backend as ScriptedPeer;
    }
    return this.#client as ScriptedPeer;
  }

  async #nextBackend(): Promise<void> {
    if (this.#waiting.length === 0) await this.#arrival();
    this.#backend = this.#waiting.shift();
  }

  #arrival(): Promise<void> {
    return new Promise((resolve, reject) => {
      const late = (): void => reject(new Unexpected("the gateway connects to the backend", this.#noArrival()));
      const timer = setTimeout(late, this.#timeoutMs);
      this.#arrived = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  // What the client was told instead is most often the reason.
  #noArrival(): string {
    const told = this.#client?.unread ?? Buffer.alloc(0);
    return `nothing within ${this.#timeoutMs / 1000} s${told.length > 0 ? `; the client was told ${shown(told)}` : ""}`;
  }

  async #clientTls(): Promise<void> {
    const client = await this.#speaker("C");
    if (client.unread.length > 0) throw new Unexpected("silence before the TLS handshake", shown(client.unread));
    const options = { rejectUnauthorized: false, ...this.#options.clientTls };
    await client.startTls((socket) => connectTls({ ...options, socket }), "secureConnect");
  }

  async #backendTls(): Promise<void> {
    const backend = await this.#speaker("G");
    const { cert, key } = this.#options.backendCertificate ?? (defaultCertificate ??= selfSigned(["localhost", "127.0.0.1"]));
    const secureContext = createSecureContext({ cert, key });
    await backend.startTls((socket) => new TLSSocket(socket, { isServer: true, secureContext }), "secure");
  }
}

async function hear(peer: ScriptedPeer, step: Extract<Step, { kind: "hear" }>): Promise<void> {
  const expected = `${step.who}: ${shown(step.data)}${step.openEnd ? " and any rest" : ""}`;
  const got = step.unit === "line" ? await peer.line(expected) : await peer.bytes(step.data.length, expected);
  const compared = step.openEnd ? got.subarray(0, step.data.length) : got;
  if (!compared.equals(step.data)) throw new Unexpected(expected, `${step.who}: ${shown(got)}`);
}
