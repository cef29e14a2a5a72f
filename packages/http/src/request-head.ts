// Parses the head of a request, as a HeadReader hands it out (RFC 9112 sections 3 and 5): method, one space, target, one space,
// HTTP/1.0 or HTTP/1.1, then fields. Says nothing of what they mean: see framing.ts and authority.ts. Quotes nothing.
// Throws HttpProblem: 400; 414 for a long target, 431 for too many fields, 505 for another version of HTTP.

import { endOfToken, isLineEnd, parseFieldLines } from "./field-lines.ts";
import type { HeadLimits, RequestHead } from "./message.ts";
import { HttpProblem } from "./problem.ts";
import { minorVersion, VERSION_LENGTH } from "./version.ts";

const SPACE = 32;
const LAST_VISIBLE = 126;

/** `text`: each line with its CRLF, without the blank line. */
export function parseRequestHead(text: string, limits: Pick<HeadLimits, "maxFields" | "maxTarget">): RequestHead {
  const methodEnd = endOfToken(text, 0);
  if (methodEnd === 0 || text.charCodeAt(methodEnd) !== SPACE) throw new HttpProblem(400, "no method");
  const targetEnd = endOfTarget(text, methodEnd + 1);
  if (targetEnd === methodEnd + 1 || text.charCodeAt(targetEnd) !== SPACE)
    throw new HttpProblem(400, "no target, or not one that can be");
  if (targetEnd - methodEnd - 1 > limits.maxTarget) throw new HttpProblem(414, "the target is too long");
  const minor = minorVersion(text, targetEnd + 1);
  const lineEnd = targetEnd + 1 + VERSION_LENGTH;
  if (!isLineEnd(text, lineEnd)) throw new HttpProblem(400, "something behind the version");
  return {
    method: text.slice(0, methodEnd),
    target: text.slice(methodEnd + 1, targetEnd),
    minor,
    fields: parseFieldLines(text, lineEnd + 2, limits.maxFields),
  };
}

/** The first character from `at` on that is not visible ASCII. */
function endOfTarget(text: string, at: number): number {
  const { length } = text;
  for (let end = at; end < length; end += 1) {
    const character = text.charCodeAt(end);
    if (character <= SPACE || character > LAST_VISIBLE) return end;
  }
  return length;
}
