// A small JMAP server for tests (RFC 8620, RFC 8887): a session object, one method, an event source and a WebSocket that push
// when the test says so, upload and download. It knows its own user only, by Basic.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { PASSWORDS } from "./mailboxes.ts";
import { until } from "./until.ts";

/** Somebody who waits for news. */
export interface Listener {
  readonly target: string;
  push(text: string): void;
  /** What it said last, of a WebSocket. */
  heard(): string;
  left(): Promise<unknown>;
}

export interface JmapServer {
  readonly port: number;
  listener(): Promise<Listener>;
  stop(): Promise<void>;
}

const MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

export async function startJmap(user: string): Promise<JmapServer> {
  const listeners: Listener[] = [];
  const blobs = new Map<string, Buffer>();
  const mayEnter = ({ headers }: IncomingMessage): boolean =>
    headers.authorization === `Basic ${Buffer.from(`${user}:${PASSWORDS[user] ?? ""}`).toString("base64")}`;

  const pages: Readonly<Record<string, (request: IncomingMessage, answer: ServerResponse, body: Buffer) => void>> = {
    "/.well-known/jmap": (request, answer) => {
      const host = request.headers.host ?? "";
      const base = `${String(request.headers["x-forwarded-proto"])}://${host}/jmap`;
      json(answer, {
        username: user,
        apiUrl: `${base}/api`,
        uploadUrl: `${base}/upload/{accountId}`,
        downloadUrl: `${base}/download/{accountId}/{blobId}/{name}?accept={type}`,
        eventSourceUrl: `${base}/events?types={types}&closeafter={closeafter}&ping={ping}`,
        capabilities: { "urn:ietf:params:jmap:websocket": { url: `${base.replace("http", "ws")}/ws`, supportsPush: true } },
      });
    },
    "/jmap/api": (_, answer, body) => {
      const { methodCalls } = JSON.parse(body.toString()) as { methodCalls: readonly [string, unknown, string][] };
      json(answer, { methodResponses: methodCalls.map(([name, , id]) => [name, { of: user }, id]), sessionState: "1" });
    },
    "/jmap/events": (request, answer) => {
      answer.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
      answer.flushHeaders();
      const closed = once(answer, "close");
      listeners.push({
        target: request.url ?? "",
        push: (text) => void answer.write(`event: state\ndata: ${text}\n\n`),
        heard: () => "",
        left: () => closed,
      });
    },
    "/jmap/upload": (_, answer, body) => {
      const blobId = createHash("sha256").update(body).digest("hex");
      blobs.set(blobId, body);
      json(answer, { accountId: user, blobId, type: "application/octet-stream", size: body.length });
    },
    "/jmap/download": (request, answer) => {
      const blob = blobs.get((request.url ?? "").split("/")[4] ?? "");
      if (blob === undefined) return void answer.writeHead(404).end();
      answer.writeHead(200, { "Content-Type": "application/octet-stream", "Content-Length": blob.length }).end(blob);
    },
  };

  async function onRequest(request: IncomingMessage, answer: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const path = (request.url ?? "").split("?", 1)[0] ?? "";
    const page = pages[path] ?? pages[path.split("/").slice(0, 3).join("/")];
    if (!mayEnter(request)) answer.writeHead(401, { "WWW-Authenticate": 'Basic realm="jmap"' }).end();
    else if (page === undefined) answer.writeHead(404).end();
    else page(request, answer, Buffer.concat(pieces));
  }

  function onUpgrade(request: IncomingMessage, socket: Duplex): void {
    if (!mayEnter(request) || request.headers["sec-websocket-protocol"] !== "jmap")
      return void socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}${MAGIC}`).digest("base64");
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Protocol: jmap\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    let heard = "";
    socket.on("data", (chunk: Buffer) => (heard += unmasked(chunk)));
    // Whoever asks may leave as they like.
    socket.on("error", () => {});
    socket.on("end", () => socket.end());
    const closed = once(socket, "close");
    listeners.push({
      target: request.url ?? "",
      push: (text) => void socket.write(Buffer.concat([Buffer.from([0x81, text.length]), Buffer.from(text)])),
      heard: () => heard,
      left: () => closed,
    });
  }

  // A client that is cut leaves half a request behind.
  const server = createServer((request, answer) => void onRequest(request, answer).catch(() => answer.destroy()));
  server.on("upgrade", onUpgrade);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    listener: () =>
      until(
        () => listeners.shift(),
        () => `somebody who waits for the news of ${user}`,
        30_000,
      ),
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

function json(answer: ServerResponse, value: unknown): void {
  answer.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(value));
}

const LONGEST = 125;

/** A short text as a client sends it (RFC 6455 section 5.2). */
export function masked(text: string): Buffer {
  if (text.length > LONGEST) throw new Error("Too long for one small frame");
  const mask = Buffer.from([7, 11, 13, 17]);
  const bytes = Buffer.from(text).map((byte, at) => byte ^ (mask[at % 4] ?? 0));
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length]), mask, bytes]);
}

const unmasked = (frame: Buffer): string =>
  Buffer.from(frame.subarray(6).map((byte, at) => byte ^ (frame[2 + (at % 4)] ?? 0))).toString();
