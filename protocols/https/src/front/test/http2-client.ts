// Clients of node:http2 for tests, and what they hear.

import { once } from "node:events";
import { connect, type ClientHttp2Session, type ClientHttp2Stream, type OutgoingHttpHeaders } from "node:http2";
import type { ExecutionContext } from "ava";
import type { Scene } from "./scene.ts";

/** A client of node:http2 that has heard our settings. */
export async function client(t: ExecutionContext, { port }: Pick<Scene, "port">, scheme = "http"): Promise<ClientHttp2Session> {
  const session = connect(`${scheme}://127.0.0.1:${port}`, { rejectUnauthorized: false });
  session.on("error", () => {});
  t.teardown(() => session.destroy());
  await once(session, "remoteSettings");
  return session;
}

export interface Heard {
  readonly status: number | undefined;
  readonly raw: readonly string[];
  readonly text: string;
  readonly trailers: Record<string, unknown>;
  readonly code: number;
}

/** The whole answer, or how it was cut. */
export function hear(stream: ClientHttp2Stream): Promise<Heard> {
  return new Promise((resolve) => {
    let text = "";
    let trailers = {};
    let raw: readonly string[] = [];
    let status: number | undefined;
    stream.setEncoding("latin1");
    stream.on("response", (headers, _flags, list: string[]) => {
      status = headers[":status"];
      raw = list;
    });
    stream.on("data", (chunk: string) => (text += chunk));
    stream.on("trailers", (headers) => (trailers = { ...headers }));
    stream.on("error", () => {});
    stream.on("close", () => resolve({ status, raw, text, trailers, code: stream.rstCode }));
  });
}

export const ask = (session: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: string): Promise<Heard> => {
  const stream = session.request({ ":path": "/", ...headers }, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  return hear(stream);
};
