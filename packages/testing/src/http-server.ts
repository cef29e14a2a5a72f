// Servers on loopback for tests of whoever asks one: a lenient one of HTTP, and one that says bytes as it is told.
// Both count connections and stop by their handle.

import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { CertificateAndKey } from "@postern/certs";

export interface TestServer {
  /** "http://127.0.0.1:PORT", or https. */
  readonly origin: string;
  /** The origin, with the path /auth. */
  readonly url: string;
  readonly port: number;
  /** Connections accepted so far. */
  connections(): number;
  /** Cuts what is open. Safe to call more than once. */
  stop(): Promise<void>;
}

/** A server of HTTP; lenient, as auth_http servers are: it takes control characters in header values. */
export function serveHttp(listener: RequestListener, tls?: CertificateAndKey): Promise<TestServer> {
  const lenient = { insecureHTTPParser: true };
  if (tls === undefined) return started(createServer(lenient, listener), "http");
  return started(createSecureServer({ ...lenient, cert: tls.cert, key: tls.key }, listener), "https");
}

/** A server that says what it is told, byte for byte, whenever a request head is complete. */
export function serveRaw(answer: (head: string, socket: Socket) => void): Promise<TestServer> {
  const server = createTcpServer((socket) => {
    let head = "";
    // Who asks may leave as it likes.
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      head += chunk.toString("latin1");
      const end = head.indexOf("\r\n\r\n");
      if (end === -1) return;
      const complete = head.slice(0, end + 2);
      head = "";
      answer(complete, socket);
    });
  });
  return started(server, "http");
}

async function started(server: Server, scheme: "http" | "https"): Promise<TestServer> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  server.on("connection", (socket: Socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const origin = `${scheme}://127.0.0.1:${port}`;
  return {
    origin,
    url: `${origin}/auth`,
    port,
    connections: () => accepted,
    async stop() {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
