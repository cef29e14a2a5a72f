// Lines and counted bytes of one client, pulled, and the same for any server of this folder. Everything is latin1 text
// so that no byte is lost. Ends a client that sends too much.

import { createServer } from "node:net";
import type { Server, Socket } from "node:net";

const MAX_LINE = 64 * 1024;

/** The client is gone, or must go. */
export class Gone extends Error {}

export class Wire {
  readonly #socket: Socket;
  readonly #chunks: AsyncIterator<Buffer>;
  #pending: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** Without its line end. Throws Gone. */
  async line(): Promise<string> {
    for (;;) {
      const end = this.#pending.indexOf("\n");
      if (end !== -1) return this.#take(end + 1).replace(/\r?\n$/, "");
      if (this.#pending.length > MAX_LINE) throw new Gone("line too long");
      await this.#more();
    }
  }

  /** Exactly `count`; the caller limits it. Throws Gone. */
  async bytes(count: number): Promise<string> {
    const chunks: Buffer[] = [];
    let missing = count;
    for (;;) {
      const chunk = Buffer.from(this.#take(Math.min(missing, this.#pending.length)), "latin1");
      chunks.push(chunk);
      missing -= chunk.length;
      if (missing === 0) return Buffer.concat(chunks).toString("latin1");
      await this.#more();
    }
  }

  write(text: string): void {
    if (!this.#socket.destroyed) this.#socket.write(text, "latin1");
  }

  #take(count: number): string {
    const text = this.#pending.toString("latin1", 0, count);
    this.#pending = this.#pending.subarray(count);
    return text;
  }

  async #more(): Promise<void> {
    const { done, value } = await this.#chunks.next();
    if (done === true) throw new Gone("closed");
    this.#pending = Buffer.concat([this.#pending, value]);
  }
}

/** A server on any port of 127.0.0.1 that runs `serve` for each client. */
export class LoopbackServer {
  readonly #server: Server;
  readonly #sockets: Set<Socket> = new Set();

  constructor(serve: (wire: Wire) => Promise<void>) {
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
      // A reset ends the reads of `serve` below; there is nobody else to tell.
      socket.on("error", () => socket.destroy());
      serve(new Wire(socket)).then(
        () => socket.end(),
        () => socket.destroy(),
      );
    });
  }

  async listen(port: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject).listen(port, "127.0.0.1", resolve);
    });
    const address = this.#server.address();
    return address !== null && typeof address === "object" ? address.port : port;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
