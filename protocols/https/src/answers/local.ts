// The one way in which the gateway itself answers: a whole answer with its length, for any status (RFC 9110). It is not stored by
// anybody unless its fields say so, and is never guessed to be of another type. An answer that has begun already is cut: two
// answers to one request would be read as the answer to the next.

import { STATUS_CODES } from "node:http";
import { hasField, type Fields } from "@postern/http";
import type { Exchange } from "../exchange.ts";

const NOTHING = Buffer.alloc(0);

/** `fields`: without Date and Content-Length; Content-Type for a body. Values that came from outside hold no CR, LF or NUL. */
export function say(
  { request, answer }: Exchange,
  status: number,
  fields: Fields = [],
  body: string | Buffer = NOTHING,
  reason: string = reasonOf(status),
): void {
  if (answer.status !== undefined) return answer.cut();
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  const canHaveBody = status !== 204 && status !== 304;
  const all = [...fields, ...ownFields(fields)];
  if (canHaveBody) all.push("Content-Length", String(bytes.length));
  const isSent = canHaveBody && request.method !== "HEAD";
  answer.begin({ status, reason, fields: all }, isSent ? bytes.length : undefined);
  if (isSent && bytes.length > 0) answer.write(bytes);
  answer.end();
}

/** One sentence, for programs and people alike. */
export function sayText(exchange: Exchange, status: number, text: string, fields: Fields = []): void {
  say(exchange, status, [...fields, "Content-Type", "text/plain; charset=utf-8"], `${text}\n`);
}

/** A request that has no business here, by a method that it does not have. */
export function sayMethods(exchange: Exchange, allowed: string): void {
  sayText(exchange, 405, `Use ${allowed} here.`, ["Allow", allowed]);
}

/** What every answer of ours says. */
export function ownFields(fields: Fields): Fields {
  const isStored = hasField(fields, "cache-control");
  return [
    ...(isStored ? [] : ["Cache-Control", "no-store"]),
    "X-Content-Type-Options",
    "nosniff",
    "Date",
    new Date().toUTCString(),
  ];
}

/** The words for a status; "" for one that has none. */
export const reasonOf = (status: number): string => STATUS_CODES[status] ?? "";

/** The path of a target, without its query. */
export function pathOf(target: string): string {
  const end = target.indexOf("?");
  return end === -1 ? target : target.slice(0, end);
}
