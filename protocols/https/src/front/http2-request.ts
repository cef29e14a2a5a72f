// A request of HTTP/2 (RFC 9113 section 8.3, RFC 8441) as the rooms know it: pseudo-fields become method, target and authority;
// Cookie is one field again. What node:http2 has not refused by itself is refused here. Throws HttpProblem.

import { HttpProblem, MAX_METHOD, parseAuthority, type Fields, type HeadLimits } from "@postern/http";
import { WEBSOCKET } from "./http1-request.ts";

export interface ReadStream {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly authority: string;
  readonly fields: Fields;
  /** Of the body, where it is announced. */
  readonly length: number | undefined;
  readonly waitsForContinue: boolean;
  readonly upgrade: string | undefined;
}

/** They have no meaning in HTTP/2 (RFC 9113 section 8.2.2). */
const FORBIDDEN: ReadonlySet<string> = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);
const TOKEN = /^[!#$%&'*+\-.^_`|~A-Za-z0-9]+$/;
const NAME = /^[!#$%&'*+\-.^_`|~a-z0-9]+$/;
const TARGET = /^\/[!-~]*$/;
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\0-\x08\n-\x1f\x7f]/;

/** `raw`: name, value, name, value …, as they came. */
export function readStream(raw: readonly string[], limits: HeadLimits): ReadStream {
  const pseudo = new Map<string, string>();
  const fields: string[] = [];
  const cookies: string[] = [];
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] ?? "";
    const value = raw[at + 1] ?? "";
    if (CONTROL.test(value)) throw new HttpProblem(400, "a control character in a field");
    if (name.startsWith(":")) pseudo.set(name, once(value, pseudo.has(name)));
    else if (name === "cookie") cookies.push(value);
    else fields.push(checked(name, value), value);
  }
  if (fields.length > 2 * limits.maxFields) throw new HttpProblem(431, "too many fields");
  if (cookies.length > 0) fields.push("cookie", cookies.join("; "));
  const { method, upgrade } = methodOf(pseudo);
  const authority = authorityOf(pseudo.get(":authority"), fields);
  return {
    method,
    target: targetOf(pseudo.get(":path"), method, limits),
    ...authority,
    fields,
    length: lengthOf(only(fields, "content-length")),
    waitsForContinue: expects(only(fields, "expect")),
    upgrade,
  };
}

function once(value: string, isThere: boolean): string {
  if (isThere) throw new HttpProblem(400, "a pseudo-field twice");
  return value;
}

function checked(name: string, value: string): string {
  if (!NAME.test(name)) throw new HttpProblem(400, "no field name");
  if (FORBIDDEN.has(name) || (name === "te" && value.trim().toLowerCase() !== "trailers"))
    throw new HttpProblem(400, "a field that belongs to HTTP/1.1");
  return name;
}

/** The one value of this field. */
function only(fields: Fields, lower: string): string | undefined {
  let found: string | undefined;
  for (let at = 0; at < fields.length; at += 2) {
    if (fields[at] !== lower) continue;
    if (found !== undefined) throw new HttpProblem(400, "a field that may be there once is there twice");
    found = fields[at + 1];
  }
  return found;
}

/** An extended CONNECT asks for another protocol; there is no other CONNECT here. */
function methodOf(pseudo: ReadonlyMap<string, string>): { readonly method: string; readonly upgrade: string | undefined } {
  const method = pseudo.get(":method") ?? "";
  const upgrade = pseudo.get(":protocol")?.toLowerCase();
  if (!TOKEN.test(method)) throw new HttpProblem(400, "no method");
  if (method.length > MAX_METHOD) throw new HttpProblem(501, "a method that nobody has");
  if (upgrade !== undefined && method !== "CONNECT") throw new HttpProblem(400, "a protocol without CONNECT");
  if (upgrade !== undefined && upgrade !== WEBSOCKET) throw new HttpProblem(501, "a protocol other than WebSocket");
  if (method === "CONNECT" && upgrade === undefined) throw new HttpProblem(501, "CONNECT without a protocol");
  return { method, upgrade };
}

function authorityOf(given: string | undefined, fields: Fields): { readonly authority: string; readonly host: string } {
  const named = only(fields, "host");
  if (given !== undefined && named !== undefined && given.toLowerCase() !== named.toLowerCase())
    throw new HttpProblem(400, "two hosts");
  const authority = given ?? named ?? "";
  const host = parseAuthority(authority)?.host;
  if (host === undefined) throw new HttpProblem(400, "no host");
  return { authority, host };
}

function targetOf(path: string | undefined, method: string, { maxTarget }: HeadLimits): string {
  if (path === undefined) throw new HttpProblem(400, "no path");
  if (path.length > maxTarget) throw new HttpProblem(414, "the target is too long");
  const isWhole = path === "*" && method === "OPTIONS";
  if (!isWhole && (!TARGET.test(path) || path.includes("#"))) throw new HttpProblem(400, "no target, or not one that can be");
  return path;
}

function lengthOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new HttpProblem(400, "a length that is none");
  return Number(text);
}

function expects(text: string | undefined): boolean {
  if (text === undefined) return false;
  if (text.toLowerCase() !== "100-continue") throw new HttpProblem(417, "only 100-continue can be expected");
  return true;
}
