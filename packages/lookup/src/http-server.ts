// A server that is asked over HTTP, out of its settings. Refuses headers that the gateway sets itself, and secrets in clear
// over a network. Reads the CA file. Throws Error whose message begins with the setting ("url: …") and says the cure.

import { readFileSync } from "node:fs";
import { validateHeaderName, validateHeaderValue } from "node:http";
import { isLoopback } from "@postern/contracts";
import type { Clock } from "@postern/contracts";
import { HttpClient } from "./http-client.ts";
import type { HttpServerValue } from "./settings.ts";

export interface HttpServerUse {
  /** Passwords or tokens are sent to it. */
  readonly sendsSecrets: boolean;
  /** Only the heads of its answers count. */
  readonly ignoreBody: boolean;
  readonly clock: Clock;
}

export interface HttpServer {
  readonly client: HttpClient;
  /** The first address, for logs. */
  readonly label: string;
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

function checkPlaintext({ url, allowPlaintext }: HttpServerValue): void {
  if (allowPlaintext) return;
  const open = url.find((endpoint) => !endpoint.secure && !isLoopback(endpoint.host));
  if (open === undefined) return;
  throw new Error(`url: ${open.label} would get passwords in clear; use https://, or set allowPlaintext: true`);
}

/** A client for it; close it when done. */
export function httpServer(value: HttpServerValue, { sendsSecrets, ignoreBody, clock }: HttpServerUse): HttpServer {
  const { url, timeout, setAside, connections, keepAlive, headers, tls } = value;
  const first = url[0];
  if (first === undefined) throw new Error("url: name at least one server");
  checkHeaders(headers);
  if (sendsSecrets) checkPlaintext(value);
  const client = new HttpClient({
    endpoints: url,
    timeoutMs: timeout,
    setAsideMs: setAside,
    connections,
    keepAlive,
    ca: tls.ca === undefined ? undefined : readFileSync(tls.ca, "utf8"),
    verify: tls.verify,
    ignoreBody,
    clock,
  });
  return { client, label: first.label };
}
