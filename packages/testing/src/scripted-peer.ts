// One socket that a script drives: writes on demand, reads lines and bytes on demand with a deadline, turns to TLS.
// Throws Error with what was expected and what came.

import { once } from "node:events";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";

/** What a peer sent, or did, when something else was wanted. */
export class Unexpected extends Error {
  constructor(expected: string, got: string) {
    super(`expected: ${expected}\n     got: ${got}`);
    this.name = "Unexpected";
  }
}

/** Bytes as a transcript would write them, cut after 300. */
export function shown(bytes: Buffer): string {
  const text = bytes.toString("latin1", 0, 300).replace(/[^ -~]|\\/g, (char) => ESCAPED[char] ?? hex(char));
  return `"${text}"${bytes.length > 300 ? ` and ${bytes.length - 300} bytes more` : ""}`;
}

const ESCAPED: Readonly<Record<string, string>> = { "\r": "\\r", "\n": "\\n", "\t": "\\t", "\\": "\\\\" };
const hex = (char: string): string => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`;

type State = "open" | "closed" | "broken";

export class ScriptedPeer {
  #socket: Socket;
  readonly #timeoutMs: number;
  #received: Buffer = Buffer.alloc(0);
  #state: State = "open";
  #problem = "";
  #wake: () => void = () => {};

  constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    this.#listen();
  }

  /** Bytes that came and that nobody asked for yet. */
  get unread(): Buffer {
    return this.#received;
  }

  write(data: Buffer): void {
    this.#socket.write(data);
  }

  /** Ends our half. */
  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** The next line without its CRLF. A bare LF is not an end: the gateway must write CRLF. */
  async line(expected: string): Promise<Buffer> {
    await this.#until(() => this.#received.includes("\r\n"), expected);
    const end = this.#received.indexOf("\r\n");
    const line = this.#received.subarray(0, end);
    this.#received = this.#received.subarray(end + 2);
    return line;
  }

  async bytes(count: number, expected: string): Promise<Buffer> {
    await this.#until(() => this.#received.length >= count, expected);
    const bytes = this.#received.subarray(0, count);
    this.#received = this.#received.subarray(count);
    return bytes;
  }

  /** The other side closed, in order, and said nothing before that was not read. */
  async closed(): Promise<void> {
    const expected = "the connection is closed";
    await this.#until(() => this.#state === "closed" || this.#received.length > 0, expected);
    if (this.#received.length > 0) throw new Unexpected(expected, shown(this.#received));
  }

  /** A TLS handshake over what is there; `wrap` begins it. Bytes that came already are its first ones. */
  async startTls(wrap: (socket: Socket) => TLSSocket, event: "secure" | "secureConnect"): Promise<void> {
    const raw = this.#socket;
    this.#unlisten();
    raw.pause();
    if (this.#received.length > 0) raw.unshift(this.#received);
    this.#received = Buffer.alloc(0);
    const secure = wrap(raw);
    this.#socket = secure;
    // once() below tells of a failed handshake; after its deadline nobody would hear.
    secure.on("error", () => {});
    try {
      await once(secure, event, { signal: AbortSignal.timeout(this.#timeoutMs) });
    } catch (error) {
      throw new Unexpected("a TLS handshake", error instanceof Error ? `${error.name}: ${error.message}` : String(error));
    }
    this.#listen();
  }

  #listen(): void {
    this.#socket.on("data", this.#onData).on("end", this.#onEnd).on("error", this.#onError).on("close", this.#onEnd).resume();
  }

  #unlisten(): void {
    this.#socket.off("data", this.#onData).off("end", this.#onEnd).off("error", this.#onError).off("close", this.#onEnd);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#received = Buffer.concat([this.#received, chunk]);
    this.#wake();
  };

  readonly #onEnd = (): void => {
    if (this.#state === "open") this.#state = "closed";
    this.#wake();
  };

  readonly #onError = (error: Error): void => {
    this.#state = "broken";
    this.#problem = error.message;
    this.#wake();
  };

  async #until(done: () => boolean, expected: string): Promise<void> {
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#wake();
    }, this.#timeoutMs);
    try {
      while (!done()) {
        if (late || this.#state !== "open") throw new Unexpected(expected, this.#found(late));
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
    }
  }

  #found(late: boolean): string {
    const what = { open: "nothing", closed: "the connection was closed", broken: `the connection broke: ${this.#problem}` };
    const when = late ? ` within ${this.#timeoutMs / 1000} s` : "";
    return this.#received.length > 0 ? `${shown(this.#received)}, then ${what[this.#state]}${when}` : what[this.#state] + when;
  }
}
