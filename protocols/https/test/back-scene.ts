// Connections to a scripted backend on loopback, for the tests of back/. Torn down with the test.

import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { createServer as createTlsServer } from "node:tls";
import type { ExecutionContext } from "ava";
import type { CertificateAndKey } from "@postern/certs";
import { Failure, type FailureKind, type Leg } from "@postern/contracts";
import type { AnswerHead, Fields } from "@postern/http";
import { createFakeClock, createMemoryLogger, testLeg, testSession, type FakeClock, type MemoryLogger } from "@postern/testing";
import { createBacks } from "../src/back/backs.ts";
import type { AnswerTaker, BackConnection, BackRequest, Backs } from "../src/backends.ts";
import type { BodySink, RequestBody } from "../src/exchange.ts";
import type { HttpsSettings } from "../src/settings.ts";

export interface BackScene {
  readonly backs: Backs;
  readonly clock: FakeClock;
  readonly leg: Leg;
  readonly logger: MemoryLogger;
  /** Connections that the backend has accepted, in order, and what it heard on each. */
  readonly sockets: Socket[];
  readonly heard: string[];
  /** What health was told: "up mbx1", "down mbx1 192.0.2.7". */
  readonly told: string[];
  take(isFresh?: boolean): Promise<BackConnection>;
  /** Takes a connection, asks for / on it, and waits for the end of the answer. */
  get(rest?: Partial<BackRequest>): Promise<Recorder>;
}

export interface SceneOptions {
  readonly settings?: Partial<HttpsSettings["pool"]>;
  readonly leg?: Partial<Leg>;
  readonly tls?: CertificateAndKey;
  /** What the backend does with a complete request head; undefined: "200 OK", with the body "hello". */
  readonly answer?: (socket: Socket, head: string) => void;
}

export const HELLO = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";

export const get = (rest: Partial<BackRequest> = {}): BackRequest => ({
  method: "GET",
  target: "/",
  fields: ["Host", "mail.example.com"],
  idleMs: 0,
  isUpgrade: false,
  told: undefined,
  isStripped: () => false,
  ...rest,
});

export async function kindOf(work: Promise<unknown>): Promise<FailureKind | undefined> {
  return work.then(
    () => undefined,
    (error: unknown) => (error instanceof Failure ? error.kind : Promise.reject(error)),
  );
}

export async function backScene(t: ExecutionContext, options: SceneOptions = {}): Promise<BackScene> {
  const { settings, tls, answer = (socket) => socket.write(HELLO, "latin1") } = options;
  const sockets: Socket[] = [];
  const heard: string[] = [];
  const told: string[] = [];
  const accept = (socket: Socket): void => {
    const index = sockets.push(socket) - 1;
    heard.push("");
    let seen = 0;
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      const text = (heard[index] += chunk.toString("latin1"));
      for (let end = text.indexOf("\r\n\r\n", seen); end !== -1; end = text.indexOf("\r\n\r\n", seen)) {
        const head = text.slice(seen, end + 4);
        seen = end + 4;
        // A body, or a PROXY header, may stand before it.
        const begin = head.search(/(?:GET|HEAD|POST|PUT) \S+ HTTP\/1\.1\r\n/);
        if (begin !== -1) answer(socket, head.slice(begin));
      }
    });
  };
  const server: Server =
    tls === undefined
      ? createServer({ noDelay: true }, accept)
      : createTlsServer({ noDelay: true, cert: tls.cert, key: tls.key }, accept);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const clock = createFakeClock();
  const logger = createMemoryLogger();
  const backs = createBacks({
    clock,
    logger,
    health: {
      facts: () => ({ state: "up", since: 0, evidence: "" }),
      order: (legs) => legs,
      succeeded: ({ backend }) => void told.push(`up ${backend}`),
      failed: ({ backend }, _, client) => void told.push(`down ${backend} ${client}`),
    },
    settings: { perBackend: 100, idle: 4000, idlePerBackend: 10, wait: 10_000, ...settings },
  });
  t.teardown(() => {
    backs.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const leg = testLeg((server.address() as AddressInfo).port, { protocol: "https", ...options.leg });
  const take = async (isFresh = false): Promise<BackConnection> => backs.take(leg, testSession(), isFresh);
  return {
    backs,
    clock,
    leg,
    logger,
    sockets,
    heard,
    told,
    take,
    async get(rest) {
      const recorder = new Recorder();
      (await take()).ask(get(rest), undefined, recorder);
      await recorder.over;
      return recorder;
    },
  };
}

/** Each piece in a turn of the event loop of its own. */
export async function inPieces(socket: Socket, pieces: Iterable<Buffer>): Promise<void> {
  for (const piece of pieces) {
    socket.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Takes an answer and remembers what it heard. */
export class Recorder implements AnswerTaker {
  /** "inform 103", "head 200 5", "data", "end", "failed backend-lost sent", "switched" in order; data in a row is one. */
  readonly events: string[] = [];
  readonly over: Promise<void>;
  heads: AnswerHead[] = [];
  body = Buffer.alloc(0);
  pieces = 0;
  trailers: Fields = [];
  failure: Failure | undefined;
  stream: Duplex | undefined;
  early = "";
  /** What data() says. */
  goesOn = true;
  /** Bytes are counted, and not kept. */
  keepsBody = true;
  bytes = 0;
  onHead = (): void => {};
  onData = (): void => {};
  onEnd = (): void => {};
  #finish = (): void => {};

  constructor() {
    this.over = new Promise((resolve) => (this.#finish = resolve));
  }

  get text(): string {
    return this.body.toString("latin1");
  }

  inform(status: number): void {
    this.events.push(`inform ${status}`);
  }

  head(head: AnswerHead, length: number | undefined): void {
    this.heads.push(head);
    this.events.push(`head ${head.status} ${length ?? "?"}`);
    this.onHead();
  }

  data(chunk: Buffer): boolean {
    this.pieces += 1;
    this.bytes += chunk.length;
    if (this.keepsBody) this.body = Buffer.concat([this.body, chunk]);
    if (this.events.at(-1) !== "data") this.events.push("data");
    this.onData();
    return this.goesOn;
  }

  end(trailers: Fields): void {
    this.trailers = trailers;
    this.events.push("end");
    this.onEnd();
    this.#finish();
  }

  failed(failure: Failure, wasSent: boolean): void {
    this.failure = failure;
    this.events.push(`failed ${failure.kind} ${wasSent ? "sent" : "unsent"}`);
    this.#finish();
  }

  switched(head: AnswerHead, stream: Duplex, early: Buffer): void {
    this.heads.push(head);
    this.stream = stream;
    this.early = early.toString("latin1");
    this.events.push("switched");
    this.#finish();
  }
}

/** A request's body that a test pushes. */
export class TestBody implements RequestBody {
  readonly length: number | undefined;
  given = 0;
  isComplete = false;
  /** How often it was asked to go on. */
  resumes = 0;
  onStart = (): void => {};
  onResume = (): void => {};
  #sink: BodySink | undefined;

  constructor(length: number | undefined) {
    this.length = length;
  }

  get isStarted(): boolean {
    return this.#sink !== undefined;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    this.onStart();
  }

  resume(): void {
    this.resumes += 1;
    this.onResume();
  }

  data(chunk: Buffer | string): boolean {
    this.given += chunk.length;
    return this.#sink?.data(typeof chunk === "string" ? Buffer.from(chunk, "latin1") : chunk) ?? false;
  }

  end(trailers: Fields = []): void {
    this.isComplete = true;
    this.#sink?.end(trailers);
  }

  broken(): void {
    this.#sink?.broken(new Failure("client-gone", "The client left"));
  }
}
