// For tests of the web side: a web server of Node's own that says what it was asked, and holds an answer until it is told to go
// on.

import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Told } from "./curl.ts";

/** What a backend saw, as JSON in its answer. */
export interface Echo {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly bytes: number;
  readonly trailers: readonly string[];
}

export interface NodeWeb {
  readonly port: number;
  /** Answers at /gate that wait. */
  readonly held: readonly ServerResponse[];
  /** Completes them. */
  release(): void;
  stop(): Promise<void>;
}

/** What is sent at /gate before and behind the wait. */
export const HALF = "h".repeat(200_000);

/** /gate: half of an answer, and the rest when it is released; everything else tells what was asked. */
export async function startNodeWeb(more: Readonly<Record<string, RequestListener>> = {}): Promise<NodeWeb> {
  const held: ServerResponse[] = [];
  const pages: Readonly<Record<string, RequestListener>> = {
    "/gate": (_, answer) => {
      answer.writeHead(200, { "Content-Length": 2 * HALF.length }).write(HALF);
      held.push(answer);
    },
    "/chunked": (_, answer) => {
      answer.writeHead(200, { Trailer: "X-Sum" });
      for (const piece of ["one ", "two ", "three"]) answer.write(piece);
      answer.addTrailers({ "X-Sum": "3" });
      answer.end();
    },
    "/early": (_, answer) => {
      answer.writeHead(413, { "Content-Length": 4, Connection: "close" });
      answer.end("full");
    },
    ...more,
  };
  const server = createServer({ maxHeaderSize: 256 * 1024, requestTimeout: 0 }, (request, answer) => {
    const page = pages[(request.url ?? "").split("?", 1)[0] ?? ""];
    if (page === undefined) void echo(request, answer);
    else page(request, answer);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    held,
    release: () => {
      for (const answer of held.splice(0)) answer.end(HALF);
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

async function echo(request: IncomingMessage, answer: ServerResponse): Promise<void> {
  let bytes = 0;
  request.on("data", (chunk: Buffer) => (bytes += chunk.length));
  // Who is gone needs no answer.
  await once(request, "close");
  const { method = "", url = "", rawHeaders, rawTrailers: trailers } = request;
  answer.setHeader("Content-Type", "application/json");
  answer.end(JSON.stringify({ method, url, rawHeaders, bytes, trailers } satisfies Echo));
}

/** The values of a field as the backend saw them. */
export function seen({ text }: Told, name: string): string[] {
  const { rawHeaders } = JSON.parse(text) as Echo;
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name);
}
