// Parses the head of an answer, as a HeadReader hands it out (RFC 9112 sections 4 and 5): version, status, reason, then fields. A
// folded field is refused, as in requests: nothing that is in use folds, and unfolding would change what the backend meant. The
// space behind a status without a reason may be missing. Quotes nothing.
// Throws HttpProblem; its status is of no use here: the backend's answer is garbled.

import { lineEnd, parseFieldLines } from "./field-lines.ts";
import type { AnswerHead, HeadLimits } from "./message.ts";
import { HttpProblem } from "./problem.ts";
import { minorVersion } from "./version.ts";

const VERSION_END = "HTTP/1.1".length;
/** Three digits, from 100 to 599 (RFC 9110 section 15). */
const STATUS = /^ ([1-5]\d\d)(?: ([^\0]*))?$/;

/** `text`: each line with its CRLF, without the blank line. */
export function parseAnswerHead(text: string, limits: Pick<HeadLimits, "maxFields">): AnswerHead {
  const end = lineEnd(text, 0);
  const minor = minorVersion(text.slice(0, VERSION_END));
  const [, status, reason = ""] = STATUS.exec(text.slice(VERSION_END, end)) ?? [];
  if (status === undefined) throw new HttpProblem(400, "no status");
  return { status: Number(status), reason, minor, fields: parseFieldLines(text, end + 2, limits.maxFields) };
}
