// A front on a loopback port, with a handler of the test, a clock that stands still, and raw clients that know when to wait.

import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { createSecureContext, TLSSocket, type TLSSocketOptions } from "node:tls";
import type { ExecutionContext } from "ava";
import type { Hosted, HostedEnd, Session } from "@postern/contracts";
import {
  createFakeClock,
  createMemoryLogger,
  defaultsOf,
  testCertificate,
  testSession,
  testTls,
  type FakeClock,
  type MemoryLogger,
} from "@postern/testing";
import type { Exchange, Handler, HttpRequest, RequestBody } from "../../exchange.ts";
import { httpsSettings, type HttpsSettings } from "../../settings.ts";
import { openFront } from "../front.ts";

export interface SceneOptions {
  readonly handler: Handler;
  readonly settings?: Partial<HttpsSettings>;
  /** plain: HTTP/1.1. h2c: HTTP/2 without TLS, as if it were there. tls: by the client's offer. */
  readonly wire?: "plain" | "h2c" | "tls";
}

export interface Scene {
  readonly port: number;
  readonly clock: FakeClock;
  readonly logger: MemoryLogger;
  readonly sessions: readonly Session[];
  readonly hosted: readonly Hosted[];
  /** How the n-th client ended. */
  end(index?: number): Promise<HostedEnd>;
  connect(): Promise<Wire>;
}

export async function openScene(t: ExecutionContext, { handler, settings, wire = "plain" }: SceneOptions): Promise<Scene> {
  const clock = createFakeClock();
  const logger = createMemoryLogger();
  const sessions: Session[] = [];
  const hosted: Hosted[] = [];
  const all = { ...(defaultsOf(httpsSettings) as unknown as HttpsSettings), ...settings };
  const house = { settings: all, clock, logger, hostname: "mail.example.com", handler };
  const take = async (raw: Socket): Promise<void> => {
    const socket = wire === "tls" ? await secured(raw) : raw;
    const alpn = socket instanceof TLSSocket ? socket.alpnProtocol || undefined : "h2";
    const session = testSession({ id: `s${sessions.length}`, ...(wire !== "plain" && { tls: testTls({ alpn }) }) });
    sessions.push(session);
    hosted.push(openFront(socket, session, { secure: undefined, trace: undefined }, house));
  };
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (raw) => void take(raw));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  t.teardown(() => {
    for (const each of hosted) each.cut();
    server.close();
  });
  return {
    port,
    clock,
    logger,
    sessions,
    hosted,
    end: (index = 0) => hosted[index]?.over ?? Promise.reject(new Error("No such client")),
    async connect() {
      const socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
      await once(socket, "connect");
      t.teardown(() => socket.destroy());
      return new Wire(socket);
    },
  };
}

/** TLS made by hand, as the house makes it. */
async function secured(raw: Socket): Promise<TLSSocket> {
  const { cert, key } = testCertificate();
  const options: TLSSocketOptions = {
    isServer: true,
    secureContext: createSecureContext({ cert, key }),
    ALPNProtocols: ["h2", "http/1.1"],
  };
  const socket = new TLSSocket(raw, options);
  await once(socket, "secure");
  socket.pause();
  return socket;
}

/** A raw client: says bytes, and waits for what comes. */
export class Wire {
  readonly socket: Socket;
  text = "";
  isOver = false;
  #waiting: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding("latin1");
    socket.on("data", (text: string) => this.#came(text));
    socket.on("error", () => {});
    socket.on("end", () => this.#ended());
    socket.on("close", () => this.#ended());
  }

  say(text: string | Buffer): this {
    if (typeof text === "string") this.socket.write(text, "latin1");
    else this.socket.write(text);
    return this;
  }

  /** Everything so far, once `pattern` is in it. */
  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.text)) {
      if (this.isOver) throw new Error(`The connection ended behind ${JSON.stringify(this.text.slice(-500))}`);
      await this.#more();
    }
    return this.text;
  }

  /** Everything, once the other side has ended. */
  async all(): Promise<string> {
    while (!this.isOver) await this.#more();
    return this.text;
  }

  #more(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #came(text: string): void {
    this.text += text;
    this.#wake();
  }

  #ended(): void {
    this.isOver = true;
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

/** Answers 200 with this text. */
export function sayOk({ answer }: Exchange, text: string): Promise<void> {
  const body = Buffer.from(text);
  answer.begin({ status: 200, reason: "OK", fields: [] }, body.length);
  answer.write(body);
  answer.end();
  return Promise.resolve();
}

/** The whole body, and its trailers. Rejects when it breaks. */
export function bodyOf(
  body: RequestBody,
): Promise<{ readonly text: string; readonly trailers: readonly string[]; readonly calls: number }> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    body.start({
      data: (chunk) => chunks.push(chunk) > 0,
      end: (trailers) => resolve({ text: Buffer.concat(chunks).toString("latin1"), trailers, calls: chunks.length }),
      broken: reject,
    });
  });
}

/** The body that the request must have. */
export function theBody({ body }: HttpRequest): RequestBody {
  if (body === undefined) throw new Error("The request has no body");
  return body;
}

/** Tells what the request was: "METHOD target body". */
export const echo: Handler = async (exchange) => {
  const { method, target, body } = exchange.request;
  const taken = body === undefined ? undefined : await bodyOf(body).catch(() => undefined);
  await sayOk(exchange, `${method} ${target} ${taken?.text ?? "-"}|`);
};

/** Resolves when the test says so. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { opened: promise, open: resolve };
}
