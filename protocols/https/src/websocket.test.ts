// WebSockets (RFC 6455) through the web side, with ws at both ends: over HTTP/1.1, and over HTTP/2 by extended CONNECT (RFC 8441).

import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { Duplex } from "node:stream";
import test, { type ExecutionContext } from "ava";
import * as ws from "ws";
import { webScene, type WebScene } from "../test/web-scene.ts";

const SIZES = [0, 1, 125, 126, 65_535, 65_536, 1_000_000];

interface Echoing extends WebScene {
  /** Upgrades that the server has taken. */
  readonly asked: IncomingMessage[];
  readonly server: ws.WebSocketServer;
}

/** A server that says everything again, and closes when it is told to. */
async function echoing(t: ExecutionContext): Promise<Echoing> {
  const server = new ws.WebSocketServer({ host: "127.0.0.1", port: 0, handleProtocols: (names) => [...names][0] ?? false });
  await once(server, "listening");
  const asked: IncomingMessage[] = [];
  server.on("connection", (socket, request) => {
    asked.push(request);
    socket.on("message", (data, isBinary) => {
      if (!isBinary && (data as Buffer).toString() === "leave") socket.close(4001, "as you wish");
      else socket.send(data, { binary: isBinary });
    });
  });
  t.teardown(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  return { ...(await webScene(t, { leg: { port: (server.address() as AddressInfo).port } })), asked, server };
}

test("ws over HTTP/1.1: messages of all sizes come back, and the close is the server's own", async (t) => {
  const { port, asked } = await echoing(t);
  const client = new ws.WebSocket(`ws://127.0.0.1:${port}/owa/notify?x=1`, ["chat", "other"], { perMessageDeflate: true });
  await once(client, "open");
  t.is(client.protocol, "chat");
  t.is(client.extensions, "");
  t.is(asked[0]?.url, "/owa/notify?x=1");
  for (const size of SIZES) {
    const sent = Buffer.alloc(size, "w");
    client.send(sent);
    const [data] = (await once(client, "message")) as [Buffer];
    t.true(data.equals(sent), String(size));
  }
  client.ping("still there?");
  const [pong] = (await once(client, "pong")) as [Buffer];
  t.is(pong.toString(), "still there?");
  client.send("leave");
  const [code, reason] = (await once(client, "close")) as [number, Buffer];
  t.is(code, 4001);
  t.is(reason.toString(), "as you wish");
});

test("ws: what a server does not want to be an upgrade is answered as any request", async (t) => {
  const { port, server } = await echoing(t);
  server.options.verifyClient = () => false;
  const client = new ws.WebSocket(`ws://127.0.0.1:${port}/`);
  const [error] = (await once(client, "error")) as [Error];
  t.regex(error.message, /401/);
});

test("ws: a client that is cut off is cut off from its server", async (t) => {
  const { port, server } = await echoing(t);
  const client = new ws.WebSocket(`ws://127.0.0.1:${port}/`);
  await once(client, "open");
  const [behind] = server.clients;
  client.terminate();
  const [code] = (await once(behind ?? client, "close")) as [number];
  t.is(code, 1006);
});

/** Once the server has said that it can. */
async function connected(t: ExecutionContext, port: number): Promise<ClientHttp2Session> {
  const session = connect(`http://127.0.0.1:${port}`);
  t.teardown(() => session.destroy());
  await once(session, "remoteSettings");
  t.true(session.remoteSettings.enableConnectProtocol);
  return session;
}

/** For ws: a connection over which it asks in HTTP/1.1, while its question goes out as an extended CONNECT. */
class ExtendedConnect extends Duplex {
  readonly #session: ClientHttp2Session;
  readonly #path: string;
  #stream: ClientHttp2Stream | undefined;
  /** Of the answer. */
  head: Readonly<Record<string, unknown>> = {};

  constructor(session: ClientHttp2Session, path: string) {
    super();
    this.#session = session;
    this.#path = path;
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#stream === undefined) this.#open(/^sec-websocket-key: (.*)\r$/im.exec(chunk.toString("latin1"))?.[1] ?? "", done);
    else this.#stream.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.#stream?.end();
    done();
  }

  override _read(): void {}

  /** One write of ws is its whole question. */
  #open(key: string, done: () => void): void {
    const version = { "sec-websocket-version": "13", "sec-websocket-protocol": "chat" };
    const stream = this.#session.request({ ":method": "CONNECT", ":protocol": "websocket", ":path": this.#path, ...version });
    this.#stream = stream;
    stream.once("response", (head) => {
      this.head = head;
      const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
      const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: chat`;
      this.push(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n\r\n`);
    });
    stream.on("data", (data: Buffer) => this.push(data));
    stream.on("end", () => this.push(null));
    done();
  }
}

test("ws over HTTP/2: several on one connection, beside requests, each with its own words", async (t) => {
  const { http2, asked, server } = await echoing(t);
  const session = await connected(t, http2.port);
  const paths = ["/a?x=1", "/b"];
  const wires = paths.map((path) => new ExtendedConnect(session, path));
  const clients = wires.map((wire) => new ws.WebSocket("ws://mail", "chat", { createConnection: () => wire as never }));
  await Promise.all(clients.map((client) => once(client, "open")));
  t.deepEqual(asked.map(({ method, url }) => `${method ?? ""} ${url ?? ""}`).sort(), ["GET /a?x=1", "GET /b"]);
  for (const { head } of wires) {
    t.is(head[":status"], 200);
    t.is(head["sec-websocket-protocol"], "chat");
    t.is(head["sec-websocket-accept"], undefined, "RFC 8441 section 5");
  }
  for (const size of SIZES) {
    const heard = clients.map((client) => once(client, "message"));
    for (const [index, client] of clients.entries()) client.send(Buffer.alloc(size, String(index)));
    for (const [index, message] of heard.entries())
      t.true(((await message)[0] as Buffer).equals(Buffer.alloc(size, String(index))));
  }
  const [first, second] = clients;
  if (first === undefined || second === undefined) throw new Error("There are two");
  const behind = [...server.clients].map((socket) => once(socket, "close"));
  first.send("leave");
  const [code] = (await once(first, "close")) as [number];
  t.is(code, 4001);
  await Promise.race(behind);
  // Its end is not the other's.
  t.is(server.clients.size, 1);
  second.send("still here");
  t.is(String(((await once(second, "message")) as [Buffer])[0]), "still here");
  second.terminate();
});
