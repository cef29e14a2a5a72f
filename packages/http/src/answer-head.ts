// Parses the head of an answer, as a HeadReader hands it out (RFC 9112 sections 4 and 5): version, status, reason, then fields. A
// folded field is refused, as in requests: nothing that is in use folds, and unfolding would change what the backend meant. The
// space behind a status without a reason may be missing. Quotes nothing.
// Throws HttpProblem; its status is of no use here: the backend's answer is garbled.

import { lineEnd, parseFieldLines } from "./field-lines.ts";
import type { AnswerHead, HeadLimits } from "./message.ts";
import { HttpProblem } from "./problem.ts";
import { minorVersion } from "./version.ts";

const VERSION_END = "HTTP/1.1".length;
const STATUS_END = "HTTP/1.1 200".length;
const REASON_BEGIN = STATUS_END + 1;
const SPACE = 0x20;
const ZERO = 0x30;

/** `text`: each line with its CRLF, without the blank line. */
export function parseAnswerHead(text: string, limits: Pick<HeadLimits, "maxFields">): AnswerHead {
  const end = lineEnd(text, 0);
  const minor = minorVersion(text.slice(0, VERSION_END));
  const status = statusAt(text, VERSION_END, end);
  const reason = text.slice(REASON_BEGIN, end);
  if (status === undefined || reason.includes("\0")) throw new HttpProblem(400, "no status");
  return { status, reason, minor, fields: parseFieldLines(text, end + 2, limits.maxFields) };
}

/** A space and three digits, from 100 to 599 (RFC 9110 section 15), and behind them a space or the line's end. */
function statusAt(text: string, at: number, end: number): number | undefined {
  if (end < STATUS_END || text.charCodeAt(at) !== SPACE) return undefined;
  if (end > STATUS_END && text.charCodeAt(STATUS_END) !== SPACE) return undefined;
  let status = 0;
  for (let index = at + 1; index < STATUS_END; index += 1) {
    const digit = text.charCodeAt(index) - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    status = 10 * status + digit;
  }
  return status >= 100 && status <= 599 ? status : undefined;
}
