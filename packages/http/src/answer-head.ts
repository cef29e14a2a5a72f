// Parses the head of an answer, as a HeadReader hands it out (RFC 9112 sections 4 and 5): version, status, reason, then fields. A
// folded field is refused, as in requests: nothing that is in use folds, and unfolding would change what the backend signed or
// what the client was to see. The space behind a status without a reason may be missing. Quotes nothing.
// Throws HttpProblem; its status is of no use here: the backend's answer is garbled.

import { endOfValue, isLineEnd, parseFieldLines } from "./field-lines.ts";
import type { AnswerHead, HeadLimits } from "./message.ts";
import { HttpProblem } from "./problem.ts";
import { minorVersion, VERSION_LENGTH } from "./version.ts";

const SPACE = 32;
const STATUS = VERSION_LENGTH + 1;
const STATUS_END = STATUS + 3;

/** `text`: each line with its CRLF, without the blank line. */
export function parseAnswerHead(text: string, limits: Pick<HeadLimits, "maxFields">): AnswerHead {
  const minor = minorVersion(text, 0);
  const status = statusOf(text);
  const hasReason = text.charCodeAt(STATUS_END) === SPACE;
  const lineEnd = hasReason ? endOfValue(text, STATUS_END + 1) : STATUS_END;
  if (!isLineEnd(text, lineEnd)) throw new HttpProblem(400, "no end of the status line");
  const reason = hasReason ? text.slice(STATUS_END + 1, lineEnd) : "";
  return { status, reason, minor, fields: parseFieldLines(text, lineEnd + 2, limits.maxFields) };
}

/** Three digits, from 100 to 599 (RFC 9110 section 15). */
function statusOf(text: string): number {
  const digits = text.slice(STATUS, STATUS_END);
  if (text.charCodeAt(VERSION_LENGTH) !== SPACE || !/^[1-5]\d\d$/.test(digits)) throw new HttpProblem(400, "no status");
  return Number(digits);
}
