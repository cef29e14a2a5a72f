// Look-ups over HTTP: several servers in order, one that failed set aside for a while, connections kept alive, a deadline
// per server, and a bound on what is under way. Follows no redirects, keeps no cookies, and puts no header value, body or
// answer into an error. Throws Failure source-down, with what each server did. RFC 9110, 9112.

import http from "node:http";
import https from "node:https";
import { Failure, durationText } from "@postern/contracts";
import type { Clock } from "@postern/contracts";
import type { Endpoint } from "./endpoint.ts";

export interface HttpRequest {
  readonly method: "GET" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  /** Added to the endpoint's own query: "user=alice". */
  readonly query?: string;
  readonly body?: string;
}

export interface HttpAnswer {
  readonly status: number;
  /** Names in lower case, values as latin1 text (one character a byte), in the order of the wire. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Empty when the client was built to ignore it. */
  readonly body: Buffer;
}

export interface HttpClientOptions {
  readonly endpoints: readonly Endpoint[];
  /** Milliseconds for one server, from asking to the end of its answer. */
  readonly timeoutMs: number;
  /** Milliseconds for which a server that failed is asked last. */
  readonly setAsideMs: number;
  /** Connections to one server at a time; twenty times as many look-ups may wait. */
  readonly connections: number;
  readonly keepAlive: boolean;
  /** PEM of the authorities to trust instead of the system's. */
  readonly ca: string | undefined;
  readonly verify: boolean;
  /** Resolve at the end of the head; the body is read and thrown away. */
  readonly ignoreBody: boolean;
  readonly clock: Clock;
}

const MAX_HEAD = 16 * 1024;
const MAX_BODY = 64 * 1024;
const WAITING_PER_CONNECTION = 20;
/** What a kept connection says that the server has closed. */
const STALE = new Set(["ECONNRESET", "EPIPE"]);

/** A message without the packet that Node attaches to a parse error: it may hold a password. */
const messageOf = (error: unknown): string => (error instanceof Error ? error.message || error.name : String(error));

function pairsOf(raw: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) pairs.push([(raw[i] ?? "").toLowerCase(), raw[i + 1] ?? ""]);
  return pairs;
}

function pathOf(endpoint: Endpoint, query: string | undefined): string {
  if (query === undefined) return endpoint.path;
  return `${endpoint.path}${endpoint.path.includes("?") ? "&" : "?"}${query}`;
}

export class HttpClient {
  readonly #options: HttpClientOptions;
  readonly #plain: http.Agent;
  readonly #secure: https.Agent;
  readonly #asideUntil = new Map<Endpoint, number>();
  #underWay = 0;

  constructor(options: HttpClientOptions) {
    const { connections, keepAlive, ca, verify } = options;
    const common = { keepAlive, maxSockets: connections, maxFreeSockets: Math.min(connections, 16) };
    this.#options = options;
    this.#plain = new http.Agent(common);
    this.#secure = new https.Agent({ ...common, rejectUnauthorized: verify, ...(ca !== undefined && { ca }) });
  }

  /**
   * Asks the servers in order until `read` takes an answer. `read` throws Failure source-down for an answer that is no
   * answer (the next server is asked), and any other Failure for a final no.
   */
  async ask<T>(request: HttpRequest, read: (answer: HttpAnswer) => T): Promise<T> {
    if (this.#underWay >= this.#options.connections * WAITING_PER_CONNECTION) {
      throw new Failure("source-down", `${this.#underWay} look-ups are waiting already`);
    }
    this.#underWay += 1;
    try {
      return await this.#askInOrder(request, read);
    } finally {
      this.#underWay -= 1;
    }
  }

  /** Closes the kept connections; look-ups under way fail. */
  close(): void {
    this.#plain.destroy();
    this.#secure.destroy();
  }

  async #askInOrder<T>(request: HttpRequest, read: (answer: HttpAnswer) => T): Promise<T> {
    const problems: string[] = [];
    for (const endpoint of this.#inOrder()) {
      const answer = await this.#askOne(endpoint, request).catch((error: unknown) => messageOf(error));
      if (typeof answer === "string") {
        this.#setAside(endpoint);
        problems.push(`${endpoint.label}: ${answer}`);
        continue;
      }
      try {
        const result = read(answer);
        this.#asideUntil.delete(endpoint);
        return result;
      } catch (error) {
        if (!(error instanceof Failure) || error.kind !== "source-down" || error.said !== undefined) throw error;
        if (answer.status >= 500) this.#setAside(endpoint);
        problems.push(`${endpoint.label}: ${error.message}`);
      }
    }
    throw new Failure("source-down", problems.join("; "));
  }

  #setAside(endpoint: Endpoint): void {
    this.#asideUntil.set(endpoint, this.#options.clock.now() + this.#options.setAsideMs);
  }

  /** As configured, those set aside last. */
  #inOrder(): Endpoint[] {
    const now = this.#options.clock.now();
    const aside = (endpoint: Endpoint): boolean => (this.#asideUntil.get(endpoint) ?? 0) > now;
    const { endpoints } = this.#options;
    return [...endpoints.filter((e) => !aside(e)), ...endpoints.filter(aside)];
  }

  /** One server. A kept connection that the server had closed meanwhile is not its failure: asked again, within the deadline. */
  async #askOne(endpoint: Endpoint, request: HttpRequest): Promise<HttpAnswer> {
    const deadline = this.#options.clock.now() + this.#options.timeoutMs;
    for (let stale = 0; ; stale += 1) {
      const outgoing = this.#open(endpoint, request);
      try {
        return await this.#exchange(outgoing, request, Math.max(1, deadline - this.#options.clock.now()));
      } catch (error) {
        const wasStale = outgoing.reusedSocket && STALE.has((error as NodeJS.ErrnoException).code ?? "");
        if (!wasStale || stale >= 2) throw error;
      }
    }
  }

  #open(endpoint: Endpoint, { method, headers, query, body }: HttpRequest): http.ClientRequest {
    const { secure, host, port, socketPath, auth } = endpoint;
    const length = body === undefined ? {} : { "Content-Length": String(Buffer.byteLength(body)) };
    return (secure ? https : http).request({
      method,
      path: pathOf(endpoint, query),
      headers: { ...headers, ...length },
      agent: secure ? this.#secure : this.#plain,
      maxHeaderSize: MAX_HEAD,
      ...(socketPath === undefined ? { host, port } : { socketPath, host: "localhost" }),
      ...(auth !== undefined && { auth }),
    });
  }

  #exchange(outgoing: http.ClientRequest, { body }: HttpRequest, timeoutMs: number): Promise<HttpAnswer> {
    const { clock, ignoreBody } = this.#options;
    return new Promise((resolve, reject) => {
      const late = new Error(`no answer within ${durationText(this.#options.timeoutMs)}`);
      const timer = clock.after(timeoutMs, () => outgoing.destroy(late));
      outgoing.on("close", () => timer.cancel());
      outgoing.on("error", reject);
      outgoing.on("response", (incoming) => {
        const status = incoming.statusCode ?? 0;
        const headers = pairsOf(incoming.rawHeaders);
        const chunks: Buffer[] = [];
        let size = 0;
        incoming.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size > MAX_BODY) outgoing.destroy(new Error(`the answer is longer than ${MAX_BODY} bytes`));
          else if (!ignoreBody) chunks.push(chunk);
        });
        incoming.on("error", reject);
        incoming.on("end", () => resolve({ status, headers, body: Buffer.concat(chunks) }));
        if (ignoreBody) resolve({ status, headers, body: Buffer.alloc(0) });
      });
      outgoing.end(body);
    });
  }
}
