// Route sources out of settings. Refuses what contradicts itself or would send passwords in clear. Throws Error whose
// message begins with the entry ("routes[1]: …") and says the cure. Reads the CA file when it builds.

import { readFileSync } from "node:fs";
import { validateHeaderName, validateHeaderValue } from "node:http";
import { isLoopback } from "@postern/contracts";
import type { Clock, RouteSource } from "@postern/contracts";
import { withCache } from "./cache.ts";
import { hashSource } from "./hash.ts";
import { HttpClient } from "./http-client.ts";
import { jsonSource } from "./http-json.ts";
import { nginxSource } from "./http-nginx.ts";
import type { HttpRouteValue, RouteValue } from "./settings.ts";
import { staticSource } from "./static.ts";

export interface SourceContext {
  readonly clock: Clock;
  /** This gateway's name, as look-up servers see it. */
  readonly hostname: string;
  /** The domain of names without one. */
  readonly defaultDomain?: string;
}

const RESERVED =
  /^(auth-.*|client-ip|client-host|proxy-protocol-.*|host|connection|content-.*|transfer-encoding|expect|upgrade|te|trailer)$/i;

function checkHeaders(headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    if (RESERVED.test(name)) throw new Error(`headers: ${name} is set by the gateway itself; choose another name`);
  }
}

function checkPasswords(value: HttpRouteValue): void {
  if (value.allowPlaintext || !(value.sendPassword || value.dialect === "nginx")) return;
  const open = value.url.find((endpoint) => !endpoint.secure && !isLoopback(endpoint.host));
  if (open === undefined) return;
  throw new Error(`url: ${open.label} would get passwords in clear; use https://, or set allowPlaintext: true`);
}

function httpClient(value: HttpRouteValue, { clock }: SourceContext): HttpClient {
  const { url, timeout, setAside, connections, keepAlive, tls, dialect } = value;
  return new HttpClient({
    endpoints: url,
    timeoutMs: timeout,
    setAsideMs: setAside,
    connections,
    keepAlive,
    ca: tls.ca === undefined ? undefined : readFileSync(tls.ca, "utf8"),
    verify: tls.verify,
    ignoreBody: dialect === "nginx",
    clock,
  });
}

function httpSource(value: HttpRouteValue, context: SourceContext): RouteSource {
  const { url, dialect, method, headers, sendPassword, passClientCertificate, addresses, cache } = value;
  const first = url[0];
  if (first === undefined) throw new Error("url: name at least one server");
  if (dialect === "nginx" && sendPassword) throw new Error("sendPassword: is for the json dialect; nginx always sends it");
  if (dialect === "json" && passClientCertificate) throw new Error("passClientCertificate: is for the nginx dialect");
  checkHeaders(headers);
  checkPasswords(value);
  const client = httpClient(value, context);
  const { clock, hostname } = context;
  const name = `http ${first.label}`;
  if (dialect === "nginx") return nginxSource({ name, client, headers, passClientCertificate, addresses, clock });
  const source = jsonSource({ name, client, method, headers, sendPassword, addresses, hostname });
  return source.cacheable ? withCache(source, cache, clock) : source;
}

function sourceOf(value: RouteValue, context: SourceContext): RouteSource {
  if (value.source === "static") return staticSource(value, context.defaultDomain);
  if (value.source === "hash") return hashSource(value.backends, value.weights);
  return httpSource(value, context);
}

/** The sources of `routes`, in order. Close each when done; on failure those built already are closed. */
export function buildSources(values: readonly RouteValue[], context: SourceContext): RouteSource[] {
  const sources: RouteSource[] = [];
  for (const [index, value] of values.entries()) {
    try {
      sources.push(sourceOf(value, context));
    } catch (error) {
      for (const source of sources) source.close();
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`routes[${index}]: ${reason}`, { cause: error });
    }
  }
  return sources;
}
