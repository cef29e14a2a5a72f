// How long a message's body is (RFC 9112 section 6.3). Two hops that disagree about it read each other's bytes as requests, so
// whatever could be read in two ways is refused, even where a rule would say which way: Transfer-Encoding next to Content-Length,
// a Content-Length that is there twice (with one value, too), any coding but one "chunked", chunks in HTTP/1.0.
// Knows nothing of CONNECT, which nobody here sends or takes. Throws HttpProblem: 400, and 501 for a coding that is not known.

import type { AnswerHead, Fields, Framing, RequestHead } from "./message.ts";
import { lowerName } from "./names.ts";
import { HttpProblem } from "./problem.ts";

const NONE: Framing = { kind: "none" };
const CHUNKED: Framing = { kind: "chunked" };
const CLOSE: Framing = { kind: "close" };

/** Of a request: none where it says nothing. */
export function requestFraming(head: RequestHead): Framing {
  return statedFraming(head) ?? NONE;
}

/** Of the answer to a request of this method: up to the connection's end where it says nothing. */
export function answerFraming(head: AnswerHead, requestMethod: string): Framing {
  const stated = statedFraming(head) ?? CLOSE;
  return requestMethod === "HEAD" || hasNoBody(head.status) ? NONE : stated;
}

const hasNoBody = (status: number): boolean => status < 200 || status === 204 || status === 304;

function statedFraming({ minor, fields }: { readonly minor: 0 | 1; readonly fields: Fields }): Framing | undefined {
  const coding = onlyValue(fields, "transfer-encoding");
  const length = onlyValue(fields, "content-length");
  if (coding === undefined) return length === undefined ? undefined : { kind: "length", length: parseLength(length) };
  if (length !== undefined) throw new HttpProblem(400, "both Transfer-Encoding and Content-Length");
  if (minor === 0) throw new HttpProblem(400, "Transfer-Encoding in HTTP/1.0");
  if (coding.toLowerCase() !== "chunked") throw new HttpProblem(501, "a Transfer-Encoding other than chunked");
  return CHUNKED;
}

/** Written out for speed: each request and each answer comes by here. */
function onlyValue(fields: Fields, lower: string): string | undefined {
  let value: string | undefined;
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] ?? "";
    if (name.length !== lower.length || lowerName(name) !== lower) continue;
    if (value !== undefined) throw new HttpProblem(400, `more than one ${lower}`);
    value = fields[at + 1] ?? "";
  }
  return value;
}

/** Digits alone; zeros in front are taken, as RFC 9110 section 8.6 does. */
function parseLength(value: string): number {
  const length = /^\d{1,19}$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isSafeInteger(length)) throw new HttpProblem(400, "a Content-Length that is no length");
  return length;
}
