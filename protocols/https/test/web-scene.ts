// The web side as a whole on loopback: a raw client or one of HTTP/2, all rooms in between, and a backend that remembers each byte
// that it was sent, by connection. The clock stands still; nobody has to log in, and everybody lives at this one backend.

import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { ExecutionContext } from "ava";
import type { Hosted, Leg, Session } from "@postern/contracts";
import {
  createFakeClock,
  createMemoryLogger,
  listenerInfo,
  testLeg,
  testSession,
  testTls,
  type FakeClock,
  type MemoryLogger,
} from "@postern/testing";
import { buildHttps } from "../src/build.ts";
import { Wire } from "../src/front/test/scene.ts";
import type { HttpsParts } from "../src/parts.ts";
import type { HttpsSettings } from "../src/settings.ts";
import { testParts, webSettings } from "./parts.ts";

export interface WebOptions {
  /** What the backend does with a whole head; undefined: 200, without a body. */
  readonly answer?: (socket: Socket, head: string) => void;
  readonly settings?: Partial<HttpsSettings>;
  readonly parts?: Partial<HttpsParts>;
  readonly leg?: Partial<Leg>;
}

export interface WebScene {
  /** Of HTTP/1.1, without TLS. */
  readonly port: number;
  /** Of HTTP/2, as if there were TLS. */
  readonly http2: { readonly port: number };
  readonly clock: FakeClock;
  readonly logger: MemoryLogger;
  readonly leg: Leg;
  /** What the backend heard on each connection, in order. */
  readonly heard: string[];
  /** The backend's. */
  readonly sockets: Socket[];
  readonly hosted: Hosted[];
  readonly sessions: Session[];
  connect(): Promise<Wire>;
  /** Cuts everybody; the test does it at its end. */
  close(): void;
}

export const EMPTY = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

export async function webScene(t: ExecutionContext, options: WebOptions = {}): Promise<WebScene> {
  const { answer = (socket) => socket.write(EMPTY) } = options;
  const clock = createFakeClock();
  const logger = createMemoryLogger();
  const heard: string[] = [];
  const sockets: Socket[] = [];
  const hosted: Hosted[] = [];
  const sessions: Session[] = [];
  let isClosed = false;
  const behind = await listening(
    t,
    createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
      if (isClosed) return void socket.destroy();
      const index = sockets.push(socket) - 1;
      heard.push("");
      let seen = 0;
      socket.on("error", () => {});
      socket.on("data", (chunk: Buffer) => {
        const text = (heard[index] += chunk.toString("latin1"));
        for (let end = text.indexOf("\r\n\r\n", seen); end !== -1; end = text.indexOf("\r\n\r\n", seen)) {
          const head = text.slice(seen, end + 4);
          seen = end + 4;
          const begin = head.search(/[A-Z]+ \S+ HTTP\/1\.1\r\n/);
          if (begin !== -1) answer(socket, head.slice(begin));
        }
      });
      socket.on("end", () => socket.end());
    }),
  );
  const leg = testLeg(behind, { protocol: "https", scheme: "http", forwardClient: false, ...options.leg });
  const built = buildHttps(testParts([leg], { clock, logger, settings: webSettings(options.settings), ...options.parts }));
  const front = (alpn: "h2" | undefined): Promise<number> =>
    listening(
      t,
      createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (socket) => {
        if (isClosed) return void socket.destroy();
        const listener = listenerInfo("https", { tls: "none", allowPlaintext: true });
        const session = testSession({ id: `s${sessions.length}`, listener, ...(alpn && { tls: testTls({ alpn }) }) });
        sessions.push(session);
        hosted.push(built.https.host(socket, session, { secure: undefined, trace: undefined }));
      }),
    );
  const [port, http2] = [await front(undefined), { port: await front("h2") }];
  const close = (): void => {
    isClosed = true;
    for (const each of hosted) each.cut();
    built.https.close();
    for (const socket of sockets) socket.destroy();
  };
  t.teardown(close);
  return {
    port,
    http2,
    clock,
    logger,
    leg,
    heard,
    sockets,
    hosted,
    sessions,
    close,
    async connect() {
      const socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
      await once(socket, "connect");
      t.teardown(() => socket.destroy());
      return new Wire(socket);
    },
  };
}

async function listening(t: ExecutionContext, server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
}
