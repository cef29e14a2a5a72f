// What the tests of this package share: one question to a source, what an HTTP server was asked and answers, settings.

import type { IncomingMessage, ServerResponse } from "node:http";
import { Failure } from "@postern/contracts";
import type { RouteAnswer, RouteQuery, RouteSource } from "@postern/contracts";
import { parseEndpoint } from "@postern/lookup";
import type { TestServer } from "@postern/testing";
import type { HttpRouteValue } from "../src/settings.ts";

/** Asks once: the answer or the failure. Then closes the source and stops its server. */
export async function askOnce(
  source: RouteSource,
  server: TestServer,
  asked: RouteQuery,
): Promise<RouteAnswer | Failure | undefined> {
  try {
    return await source.find(asked);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  } finally {
    source.close();
    await server.stop();
  }
}

/** The headers of a request as pairs, names in lower case. */
export function headerPairs(request: IncomingMessage): Map<string, string> {
  const pairs = new Map<string, string>();
  for (let i = 0; i < request.rawHeaders.length; i += 2) {
    pairs.set((request.rawHeaders[i] ?? "").toLowerCase(), request.rawHeaders[i + 1] ?? "");
  }
  return pairs;
}

export async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { "Content-Type": "application/json" });
  response.end(JSON.stringify(value));
}

/** Settings of an http source as the config package would read them, with these URLs. */
export function httpValue(urls: readonly string[], more: Partial<HttpRouteValue> = {}): HttpRouteValue {
  const url = urls.map((text) => {
    const parsed = parseEndpoint(text);
    if ("problem" in parsed) throw new Error(parsed.problem);
    return parsed.value;
  });
  return {
    source: "http",
    url,
    dialect: "json",
    method: "POST",
    timeout: 5000,
    setAside: 10_000,
    connections: 32,
    keepAlive: true,
    headers: {},
    tls: { ca: undefined, verify: true },
    sendPassword: false,
    allowPlaintext: false,
    passClientCertificate: false,
    addresses: { tls: "none", allowPlaintext: false },
    cache: { positive: 60_000, negative: 10_000, unreachable: 5000, stale: 3_600_000, size: 1000 },
    ...more,
  };
}
