// One message for rspamd: POST /checkv2 with the message as it comes for the body (rspamd's HTTP protocol; RFC 9112). One
// connection a message, since rspamd closes them itself. Follows no redirect. What it answers has a bound in size and time.
// Throws Error, without header values or the answer's text.

import http from "node:http";
import https from "node:https";
import { durationText, type Clock } from "@postern/contracts";
import type { Endpoint } from "@postern/lookup";
import { Final, reasonOf, TooLarge } from "./scanner.ts";

const MAX_ANSWER = 1024 * 1024;
const MAX_HEAD = 16 * 1024;

export interface RspamdServer {
  readonly endpoint: Endpoint;
  readonly agent: http.Agent | https.Agent;
  readonly clock: Clock;
  readonly timeoutMs: number;
}

export interface RspamdRequest {
  write(chunk: Buffer): void | Promise<void>;
  /** The body of its answer with status 200. */
  end(): Promise<Buffer>;
  abort(): void;
}

interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

/** A promise that fails when it takes too long. */
function within<T>({ clock, timeoutMs }: RspamdServer, what: string, work: Promise<T>): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const late = (): void => reject(new Error(`did not ${what} within ${durationText(timeoutMs)}`));
  const timer = clock.after(timeoutMs, late);
  work.then(resolve, reject).finally(() => timer.cancel());
  return promise;
}

function answerTo(request: http.ClientRequest): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  request.on("error", reject).on("close", () => reject(new Error("closed the connection")));
  request.on("response", (incoming) => {
    const chunks: Buffer[] = [];
    let size = 0;
    incoming.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_ANSWER) request.destroy(new Error(`its answer is longer than ${MAX_ANSWER} bytes`));
      else chunks.push(chunk);
    });
    incoming.on("error", reject);
    incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks) }));
  });
  return promise;
}

function connected(request: http.ClientRequest): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  request.on("error", reject).on("close", () => reject(new Error("closed the connection")));
  request.on("socket", (socket) => {
    if (!socket.connecting) resolve();
    else socket.once("secureConnect", resolve).once("connect", () => "encrypted" in socket || resolve());
  });
  return promise;
}

/** It takes bytes again, or is gone, which the next write finds out. */
function drained(request: http.ClientRequest): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const over = (): void => {
    request.off("drain", over).off("close", over);
    resolve();
  };
  request.on("drain", over).on("close", over);
  return promise;
}

function bodyOf({ status, body }: Answer): Buffer {
  if (status === 413) throw new TooLarge("it is larger than rspamd's max_message");
  if (status !== 200) throw new Error(`answered with status ${status}`);
  return body;
}

type Headers = Readonly<Record<string, string | string[]>>;

function begin({ endpoint, agent }: RspamdServer, headers: Headers, length: number | undefined): http.ClientRequest {
  const { secure, host, port, socketPath, auth, path } = endpoint;
  return (secure ? https : http).request({
    method: "POST",
    path: path === "/" ? "/checkv2" : path,
    headers: { ...headers, ...(length !== undefined && { "Content-Length": String(length) }) },
    agent,
    maxHeaderSize: MAX_HEAD,
    ...(socketPath === undefined ? { host, port } : { socketPath, host: "localhost" }),
    ...(auth !== undefined && { auth }),
  });
}

/** Connects. `length`: that of the whole message; undefined: it comes in pieces. */
export async function askRspamd(server: RspamdServer, headers: Headers, length: number | undefined): Promise<RspamdRequest> {
  const request = begin(server, headers, length);
  const answer = answerTo(request);
  // It may come before anybody waits for it.
  let early: Answer | undefined;
  let problem: unknown;
  answer.then(
    (value) => (early = value),
    (error: unknown) => (problem = error),
  );
  try {
    await within(server, "take the connection", connected(request));
  } catch (error) {
    request.destroy();
    throw error;
  }
  return {
    write(chunk) {
      if (problem !== undefined) throw new Error(reasonOf(problem));
      if (early !== undefined) throw new Final(`rspamd answered before the end: ${bodyOf(early).length} bytes`);
      if (request.write(chunk)) return undefined;
      return within(server, "take more bytes", drained(request));
    },
    async end() {
      request.end();
      try {
        return bodyOf(await within(server, "answer", answer));
      } finally {
        request.destroy();
      }
    },
    abort: () => request.destroy(),
  };
}
