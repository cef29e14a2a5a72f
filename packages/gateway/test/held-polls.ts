// For tests of many long polls: a backend that holds every request until it is told to answer all, and clients, each on a TLS
// connection of its own, that ask once and wait.

import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { connect, createSecureContext, type TLSSocket } from "node:tls";
import { authority } from "./mailboxes.ts";

export interface HoldingServer {
  readonly port: number;
  /** Requests that wait for their answer. */
  held(): number;
  /** Answers all. */
  answerAll(): void;
  stop(): Promise<void>;
}

/** Its requests have a body of known length, and bodies come with their heads. */
export async function startHoldingServer(): Promise<HoldingServer> {
  const waiting = new Set<Socket>();
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    let text = "";
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => {
      sockets.delete(socket);
      waiting.delete(socket);
    });
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      const end = text.indexOf("\r\n\r\n");
      const length = Number(/^content-length: *(\d+)/im.exec(text)?.[1] ?? 0);
      if (end === -1 || text.length < end + 4 + length) return;
      text = "";
      waiting.add(socket);
    });
  });
  server.listen({ port: 0, host: "127.0.0.1", backlog: 1024 });
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    held: () => waiting.size,
    answerAll() {
      for (const socket of waiting) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnews");
      waiting.clear();
    },
    async stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}

/** One for all clients: to make one takes longer than to connect. */
const secureContext = createSecureContext({ ca: authority.cert });

/** One client and its poll. */
export class Poll {
  readonly #socket: TLSSocket;
  /** All that it heard. */
  heard = "";
  isOver = false;

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => (this.heard += chunk.toString("latin1")));
    // How it ends makes no difference.
    socket.on("error", () => {});
    socket.once("close", () => (this.isOver = true));
  }

  /** `session`: of an earlier one, to begin sooner. */
  static async open(port: number, request: string, session?: Buffer): Promise<{ poll: Poll; session: Buffer | undefined }> {
    const options = { port, host: "127.0.0.1", secureContext, servername: "mail.example.com", ALPNProtocols: ["http/1.1"] };
    const socket = connect({ ...options, ...(session !== undefined && { session }) });
    let ticket: Buffer | undefined;
    socket.once("session", (given: Buffer) => (ticket = given));
    await once(socket, "secureConnect");
    const poll = new Poll(socket);
    socket.write(request);
    return {
      poll,
      get session() {
        return ticket;
      },
    };
  }

  close(): void {
    this.#socket.destroy();
  }
}
