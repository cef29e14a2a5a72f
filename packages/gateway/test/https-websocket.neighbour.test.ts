// WebSockets through the real program by Node's own client (undici's, which takes HTTP/2 where it can), over TLS, to a small server that says everything again:
// each user's to their own, behind a login, and ended with the program.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { setDefaultCACertificates } from "node:tls";
import test from "ava";
import { startGateway, type Gateway } from "./gateway-process.ts";
import { authority, FILES } from "./mailboxes.ts";
import { stopAll, together } from "./together.ts";
import { until } from "./until.ts";

const WAIT_MS = 60_000;
/** The first byte of a text, and of a close, that is one frame. */
const TEXT = 0x81;
const CLOSE = 0x88;

interface EchoServer {
  readonly port: number;
  readonly asked: readonly IncomingMessage[];
  readonly open: () => number;
  stop(): Promise<void>;
}

/** Messages of less than 126 bytes, in one frame each, as clients send them (RFC 6455 section 5). */
async function startEcho(name: string): Promise<EchoServer> {
  const asked: IncomingMessage[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((_, answer) => void answer.writeHead(426).end());
  server.on("upgrade", (request: IncomingMessage, socket: Socket) => {
    asked.push(request);
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => sockets.delete(socket));
    socket.once("end", () => socket.end());
    const key = request.headers["sec-websocket-key"] ?? "";
    const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    const fields = `Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}`;
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n\r\n`);
    socket.write(frame(TEXT, Buffer.from(`hello from ${name}`)));
    let bytes: Buffer = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      for (let length = lengthOf(bytes); length !== undefined; length = lengthOf(bytes)) {
        const mask = bytes.subarray(2, 6);
        const content = bytes.subarray(6, 6 + length).map((byte, index) => byte ^ (mask[index % 4] ?? 0));
        socket.write(frame(bytes[0] ?? 0, Buffer.from(content)));
        if (bytes[0] === CLOSE) socket.end(() => socket.destroy());
        bytes = bytes.subarray(6 + length);
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    open: () => sockets.size,
    async stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}

const frame = (first: number, content: Buffer): Buffer => Buffer.concat([Buffer.from([first, content.length]), content]);

/** Of a frame that is all there. */
function lengthOf(bytes: Buffer): number | undefined {
  const length = (bytes[1] ?? 0) & 0x7f;
  return bytes.length >= 6 && bytes.length >= 6 + length ? length : undefined;
}

let one: EchoServer;
let two: EchoServer;
let gateway: Gateway;

test.before(async () => {
  setDefaultCACertificates([authority.cert]);
  [one, two] = await together(startEcho("one"), startEcho("two"));
  gateway = await startGateway({
    listeners: { https: { protocol: "https", tls: "implicit" } },
    backends: { one: { https: `http://127.0.0.1:${one.port}` }, two: { https: `http://127.0.0.1:${two.port}` } },
    routes: [{ source: "static", default: "one" }],
    files: FILES,
    config: { workers: 2, https: { services: { second: { paths: "/second", backends: "two" } } } },
  });
});

test.after.always(async () => {
  await gateway?.stop();
  await stopAll([one, two]);
});

async function open(path: string): Promise<{ readonly socket: WebSocket; readonly heard: string[] }> {
  const heard: string[] = [];
  const socket = new WebSocket(`wss://localhost:${gateway.port("https")}${path}`);
  socket.addEventListener("message", ({ data }) => heard.push(String(data)));
  await new Promise<void>((resolve, reject) => {
    socket.addEventListener("open", () => resolve(), { once: true });
    socket.addEventListener("error", ({ error }) => reject(error), { once: true });
  });
  return { socket, heard };
}

test.serial("WebSocket: twenty at once, each hears its own words from its own server", async (t) => {
  const all = await Promise.all(Array.from({ length: 20 }, (_, index) => open(index % 2 === 0 ? "/first?x=1" : "/second/x")));
  for (let round = 0; round < 5; round += 1) for (const [index, { socket }] of all.entries()) socket.send(`${round} of ${index}`);
  for (const [index, { heard }] of all.entries()) {
    await until(
      () => (heard.length === 6 ? true : undefined),
      () => heard.join(),
      WAIT_MS,
    );
    const words = Array.from({ length: 5 }, (_, round) => `${round} of ${index}`);
    t.deepEqual(heard, [`hello from ${index % 2 === 0 ? "one" : "two"}`, ...words]);
  }
  t.deepEqual([one.open(), two.open()], [10, 10]);
  t.is(one.asked[0]?.headers["x-forwarded-proto"], "https");
  for (const { socket } of all) socket.close();
  await until(
    () => (one.open() + two.open() === 0 ? true : undefined),
    () => `${one.open()} and ${two.open()} to end`,
    WAIT_MS,
  );
});

// The last one: it ends the program.
test.serial("WebSocket: SIGTERM ends those that are open, at both ends, and the program ends with 0", async (t) => {
  const { socket } = await open("/first");
  const closed = new Promise((resolve) => socket.addEventListener("close", resolve, { once: true }));
  gateway.signal("SIGTERM");
  await closed;
  t.is(await gateway.ended(), 0);
  await until(
    () => (one.open() === 0 ? true : undefined),
    () => "the server's side to end",
    WAIT_MS,
  );
});
