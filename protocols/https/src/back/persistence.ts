// Whether another request may follow an answer on its connection, and for how long the backend waits for it (RFC 9112
// section 9.3; Keep-Alive as RFC 2068 section 19.7.1.1 and Apache have it). Never throws.

import { firstOf, listOf, ownText, type AnswerHead } from "@postern/http";

/**
 * `wasChunked`: the request had a body in chunks. A server of HTTP/1.0 does not know them (RFC 9112 section 6.1): it may take the
 * body for a request of its own, and answer that to whoever comes next.
 */
export function isPersistent({ minor, fields }: AnswerHead, wasChunked: boolean): boolean {
  if (minor === 0 && wasChunked) return false;
  const options = listOf(fields, "connection");
  return minor === 1 ? !options.includes("close") : options.includes("keep-alive") && !options.includes("close");
}

/** A request that is on its way while the backend closes is lost: so much earlier the connection is left. */
const MARGIN_MS = 1000;

/** How long it may rest, in milliseconds; 0: not at all. Keep-Alive shortens what the settings say, and never lengthens it. */
export function restMs({ fields }: AnswerHead, idleMs: number): number {
  const value = firstOf(fields, "keep-alive");
  if (value === undefined) return idleMs;
  if (value !== last.value) last = { value: ownText(value), seconds: timeoutIn(value) };
  return last.seconds === undefined ? idleMs : Math.max(0, Math.min(idleMs, last.seconds * 1000 - MARGIN_MS));
}

/** Backends say the same in each answer. */
let last: { readonly value: string; readonly seconds: number | undefined } = { value: "", seconds: undefined };

function timeoutIn(value: string): number | undefined {
  const seconds = /(?:^|[\s,;])timeout\s*=\s*"?(\d{1,9})/i.exec(value)?.[1];
  return seconds === undefined ? undefined : Number(seconds);
}
