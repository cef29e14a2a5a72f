// What the tests of this package share: sessions, credentials, a clock that stands still, an HTTP server, settings.

import { createServer } from "node:http";
import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { createServer as createTcpServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { Secret } from "@postern/contracts";
import type { Clock, Credentials, PasswordCredentials, RouteQuery, Session, TlsFacts } from "@postern/contracts";
import { parseEndpoint } from "@postern/lookup";
import type { HttpRouteValue } from "../src/settings.ts";

export interface FakeClock extends Clock {
  /** Moves time; what is due runs at once. */
  move(ms: number): void;
  readonly pending: number;
  /** Milliseconds until each timer is due. */
  delays(): number[];
}

export function fakeClock(): FakeClock {
  let now = 1_000_000;
  const timers = new Set<{ readonly at: number; readonly task: () => void }>();
  return {
    now: () => now,
    after(ms, task) {
      const timer = { at: now + ms, task };
      timers.add(timer);
      return { cancel: () => timers.delete(timer) };
    },
    move(ms) {
      now += ms;
      for (const timer of timers) {
        if (timer.at > now) continue;
        timers.delete(timer);
        timer.task();
      }
    },
    get pending() {
      return timers.size;
    },
    delays: () => [...timers].map(({ at }) => at - now),
  };
}

export function password(authcid: string, secret: string | Buffer, more: Partial<PasswordCredentials> = {}): PasswordCredentials {
  return { kind: "password", mechanism: "PLAIN", authcid, authzid: "", secret: new Secret(secret), ...more };
}

export function session(more: Partial<Session> = {}): Session {
  const client = { host: "192.0.2.7", port: 50_123 };
  return {
    id: "test-1",
    listener: {
      name: "test",
      protocol: "imap",
      tls: "none",
      allowPlaintext: false,
      mechanisms: undefined,
      capabilities: undefined,
      trusts: () => false,
    },
    startedAt: 0,
    stage: "route",
    peer: client,
    client,
    local: { host: "192.0.2.1", port: 143 },
    tls: undefined,
    attempts: 1,
    errors: 0,
    mechanism: undefined,
    identity: undefined,
    hops: 0,
    software: undefined,
    utf8: false,
    backend: undefined,
    backendAddress: undefined,
    bytesIn: 0,
    bytesOut: 0,
    ...more,
  };
}

export const tls = (more: Partial<TlsFacts> = {}): TlsFacts => ({
  version: "TLSv1.3",
  cipher: "TLS_AES_256_GCM_SHA384",
  serverName: "mail.example.com",
  alpn: undefined,
  resumed: false,
  clientCertificate: undefined,
  ...more,
});

export function query(user: string, credentials?: Credentials, more: Partial<RouteQuery> = {}): RouteQuery {
  return { user, protocol: "imap", credentials, session: session(), ...more };
}

export interface TestServer {
  readonly url: string;
  readonly port: number;
  /** Connections accepted so far. */
  connections(): number;
  stop(): Promise<void>;
}

/** A server of HTTP on loopback; lenient, as auth_http servers are: it takes control characters in header values. */
export async function serve(listener: RequestListener): Promise<TestServer> {
  const server = createServer({ insecureHTTPParser: true }, listener);
  let accepted = 0;
  server.on("connection", () => (accepted += 1));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${port}/auth`, port, connections: () => accepted, stop };
}

/** A server that says what it is told, byte for byte, whenever a request head is complete. */
export async function serveRaw(answer: (head: string, socket: Socket) => void): Promise<TestServer> {
  const sockets = new Set<Socket>();
  let accepted = 0;
  const server = createTcpServer((socket) => {
    accepted += 1;
    sockets.add(socket);
    let head = "";
    socket.on("error", () => sockets.delete(socket));
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (chunk: Buffer) => {
      head += chunk.toString("latin1");
      const end = head.indexOf("\r\n\r\n");
      if (end === -1) return;
      const complete = head.slice(0, end + 2);
      head = "";
      answer(complete, socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  return { url: `http://127.0.0.1:${port}/auth`, port, connections: () => accepted, stop };
}

/** The headers of a request as pairs, names in lower case. */
export function headerPairs(request: IncomingMessage): Map<string, string> {
  const pairs = new Map<string, string>();
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    pairs.set((request.rawHeaders[i] ?? "").toLowerCase(), request.rawHeaders[i + 1] ?? "");
  }
  return pairs;
}

export async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(value));
}

/** Settings of an http source as the config package would read them, with these URLs. */
export function httpValue(urls: readonly string[], more: Partial<HttpRouteValue> = {}): HttpRouteValue {
  const url = urls.map((text) => {
    const parsed = parseEndpoint(text);
    if ("problem" in parsed) throw new Error(parsed.problem);
    return parsed.value;
  });
  return {
    source: "http",
    url,
    dialect: "json",
    method: "POST",
    timeout: 5000,
    setAside: 10_000,
    connections: 32,
    keepAlive: true,
    headers: {},
    tls: { ca: undefined, verify: true },
    sendPassword: false,
    allowPlaintext: false,
    passClientCertificate: false,
    addresses: { tls: "none", allowPlaintext: false },
    cache: { positive: 60_000, negative: 10_000, unreachable: 5000, stale: 3_600_000, size: 1000 },
    ...more,
  };
}
