// The fields of a request as a backend sees them, and of an answer as the client sees them (RFC 9110 section 7.6). What
// belongs to one hop goes; what only a gateway may say (X-Forwarded-For and its kin, Exchange's internal fields) is taken from
// nobody, and said anew by what the gateway itself knows of its peer (told.ts); our own cookies stay here. Order and case stay as they
// came. Never throws.

import { randomBytes } from "node:crypto";
import { hasField, hopByHop, lowerName, withoutFields, type Fields } from "@postern/http";
import type { FieldFilter } from "./backends.ts";
import type { HttpRequest } from "./exchange.ts";

/** Fields that backends believe: of a front of theirs, or of the gateway. Nobody else may send them. */
const INTERNAL: readonly string[] = [
  "forwarded",
  "x-forwarded",
  "x-forwarded-*",
  "x-real-ip",
  "client-ip",
  "x-client-ip",
  "x-cluster-client-ip",
  "true-client-ip",
  "x-original-url",
  "x-rewrite-url",
  "x-original-forwarded-for",
  "x-remote-user",
  "x-authenticated-user",
  "remote-user",
  "x-webobjects-*",
  "front-end-https",
  "ssl-client-*",
  "x-ssl-client-*",
  "x-client-cert*",
  "x-arr-clientcert",
  // As HTTP_PROXY it is where a script behind CGI sends its own requests ("httpoxy").
  "proxy",
  // What Exchange's front half says to its back half (no client needs to).
  "x-commonaccesstoken",
  "x-isfromcafe",
  "x-sourcecafeserver",
  "x-fe-clientip",
  "x-ms-edgeip",
  "msexchproxyuri",
  "x-msexchangeactivityctx",
  "x-backend-diag-*",
  "x-rpchttpproxy*",
  "x-calculatedbetarget",
  "x-upnanchormailbox",
  "x-genericanchorhint",
  "x-cafe-*",
  "x-associationguid",
  "x-databaseguid",
  "x-eas-proxy",
  "x-eas-basicauth-proxy",
  "x-vdirobjectid",
];

/** What this hop says itself, and a framing: nobody says them by another spelling. */
const OURS: ReadonlySet<string> = new Set([...hopByHop([]), "content-length", "expect", "x-request-id"]);

/** CGI and its kin make one name of X-Remote-User, X_Remote_User and X.Remote.User. */
const asCgi = (lower: string): string => lower.replaceAll(/[^a-z0-9]/g, "-");

/** Of names, and of names with "*" at the end. */
function fieldFilter(patterns: readonly string[]): FieldFilter {
  const names = new Set<string>();
  const prefixes: string[] = [];
  for (const pattern of patterns) {
    if (pattern.endsWith("*")) prefixes.push(asCgi(pattern.slice(0, -1).toLowerCase()));
    else names.add(asCgi(pattern.toLowerCase()));
  }
  return (lower) => {
    const name = asCgi(lower);
    return names.has(name) || prefixes.some((prefix) => name.startsWith(prefix)) || (name !== lower && OURS.has(name));
  };
}

/** What is taken out of every request, and out of its trailers: `more` as the configuration names them. */
export function strippedFields(more: readonly string[]): FieldFilter {
  const isStripped = fieldFilter([...INTERNAL, ...more]);
  // Names repeat without end; their number and their length are bounded all the same.
  const known = new Map<string, boolean>();
  return (name) => {
    const before = known.get(name);
    if (before !== undefined) return before;
    const answer = isStripped(name);
    if (known.size < 2000 && name.length <= 64) known.set(name, answer);
    return answer;
  };
}

/** Who gets a request. */
export interface Receiver {
  /** What the backend is called, for clients of HTTP/1.0 that name no host. */
  readonly backend: string;
  /** The backend is told the client's address (Leg.forwardClient), and the name that the gateway's log has for the request. */
  readonly isTold: boolean;
}

/** The same for all requests of one configuration. */
export interface Kept {
  readonly isStripped: FieldFilter;
  /** Names of cookies that no backend is to see. */
  readonly ourCookies: readonly string[];
}

/** What the login adds comes behind this, and then what is told of the client (told.ts). */
export function requestFields(request: HttpRequest, to: Receiver, { isStripped, ourCookies }: Kept): string[] {
  const { fields } = request;
  const hop = hopByHop(fields);
  const out: string[] = [];
  let hasHost = false;
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? "";
    const value = fields[index + 1] ?? "";
    const lower = lowerName(name);
    if (hop.has(lower) || lower === "expect" || isStripped(lower) || (to.isTold && lower === "x-request-id")) continue;
    if (lower === "host") {
      // The target's authority has won over the field, where both were there.
      if (hasHost) continue;
      hasHost = true;
      out.push(name, request.authority);
    } else if (lower === "cookie") {
      const theirs = withoutOurs(value, ourCookies);
      if (theirs !== "") out.push(name, theirs);
    } else {
      out.push(name, value);
    }
  }
  if (!hasHost) out.unshift("Host", request.authority === "" ? to.backend : request.authority);
  if (request.upgrade !== undefined) out.push(...upgradeFields(request.upgrade, fields));
  if (to.isTold) out.push("X-Request-ID", request.id);
  return out;
}

/** HTTP/2 has no key (RFC 8441 section 5), and WebSocket in HTTP/1.1 is nothing without one. */
function upgradeFields(upgrade: string, fields: Fields): string[] {
  const key = hasField(fields, "sec-websocket-key") ? [] : ["Sec-WebSocket-Key", randomBytes(16).toString("base64")];
  return [...key, "Connection", "Upgrade", "Upgrade", upgrade];
}

function withoutOurs(value: string, names: readonly string[]): string {
  if (!names.some((name) => value.includes(name))) return value;
  return value
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair !== "" && !names.includes(pair.slice(0, Math.max(0, pair.indexOf("="))).trim()))
    .join("; ");
}

/**
 * The fields of an answer: hop-by-hop ones gone, `more` behind them. A Location that leads back to this host without TLS,
 * because the backend has none, is mended. Alt-Svc (RFC 7838) would lead clients to the backend's own ports under our name.
 */
export function answerFields(fields: Fields, more: Fields, request: HttpRequest, isSecure: boolean): string[] {
  const hop = hopByHop(fields);
  const plain = isSecure ? `http://${request.authority}/` : undefined;
  const out: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? "";
    const value = fields[index + 1] ?? "";
    const lower = lowerName(name);
    if (hop.has(lower) || lower === "alt-svc") continue;
    const leadsBack = lower === "location" && plain !== undefined && value.startsWith(plain);
    out.push(name, leadsBack ? `https${value.slice(4)}` : value);
  }
  for (const one of more) out.push(one);
  return out;
}

/**
 * The fields of a yes to an upgrade. What answers a key that the gateway has made up stays here (RFC 8441 section 5); some clients
 * send one over HTTP/2 all the same, and want its answer.
 */
export function switchFields(fields: Fields, more: Fields, request: HttpRequest, isSecure: boolean): string[] {
  const all = answerFields(fields, more, request, isSecure);
  if (hasField(request.fields, "sec-websocket-key")) return all;
  return withoutFields(all, (lower) => lower === "sec-websocket-accept");
}
