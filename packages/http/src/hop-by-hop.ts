// Which fields end at this hop (RFC 9110 section 7.6.1), and which may stand behind a body. Connection may name more of them, but none that belongs to the message:
// a peer that writes "Connection: Authorization" or "Connection: X-Forwarded-For" wants that the next hop does not see what this
// one decided upon. Such a name is not heard; the field goes on. Throws nothing.

import { allOf, listOf, withoutFields } from "./fields.ts";
import type { Fields } from "./message.ts";

/** HTTP2-Settings too: an upgrade to h2c would hide all later requests from this hop. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Values of Connection that name nothing more, as nearly all peers write them. */
const USUAL: ReadonlySet<string> = new Set(["keep-alive", "Keep-Alive", "close", "Close", "upgrade", "Upgrade"]);

/** What Connection cannot drop: all that says what a message is, whose it is, where it goes and where it came from. */
const END_TO_END: ReadonlySet<string> = new Set([
  "accept",
  "age",
  "allow",
  "authentication-info",
  "authorization",
  "cache-control",
  "client-ip",
  "cookie",
  "date",
  "depth",
  "destination",
  "dpop",
  "etag",
  "expect",
  "expires",
  "forwarded",
  "from",
  "front-end-https",
  "host",
  "if",
  "last-modified",
  "location",
  "max-forwards",
  "ms-asprotocolversion",
  "origin",
  "overwrite",
  "pragma",
  "range",
  "referer",
  "retry-after",
  "set-cookie",
  "strict-transport-security",
  "true-client-ip",
  "user-agent",
  "vary",
  "via",
  "warning",
  "www-authenticate",
]);

/** Families of such fields. No hop-by-hop field that anybody uses begins so. */
const END_TO_END_FAMILIES = ["x-", "accept-", "access-control-", "content-", "cf-", "if-", "ms", "sec-", "remote"];

/** What no trailer may be: the same, but that fields which are made at the body's end stay. */
const HEADER_ONLY_FAMILIES = ["x-forwarded-", ...END_TO_END_FAMILIES.filter((family) => family !== "x-")];
const LATE: ReadonlySet<string> = new Set(["content-digest", "content-md5", "etag", "last-modified"]);

const isEndToEnd = (lower: string): boolean => END_TO_END.has(lower) || isOf(END_TO_END_FAMILIES, lower);
const isOf = (families: readonly string[], lower: string): boolean => families.some((family) => lower.startsWith(family));

/** The names, in small letters, of the fields that are not passed on. One shared set where Connection names nothing special. */
export function hopByHop(fields: Fields): ReadonlySet<string> {
  const values = allOf(fields, "connection");
  if (values.length === 0 || (values.length === 1 && USUAL.has(values[0] ?? ""))) return HOP_BY_HOP;
  const named = listOf(fields, "connection").filter((name) => name !== "close" && !HOP_BY_HOP.has(name) && !isEndToEnd(name));
  return named.length === 0 ? HOP_BY_HOP : new Set([...HOP_BY_HOP, ...named]);
}

/**
 * What may stand behind a body (RFC 9110 section 6.5.1). A receiver may put trailers among the header fields: none that frames,
 * routes, admits or describes gets through; they are dropped, not refused.
 */
export function trailerFields(fields: Fields): Fields {
  if (fields.length === 0) return fields;
  return withoutFields(fields, isNoTrailer);
}

const isNoTrailer = (lower: string): boolean =>
  HOP_BY_HOP.has(lower) || (!LATE.has(lower) && (END_TO_END.has(lower) || isOf(HEADER_ONLY_FAMILIES, lower)));
