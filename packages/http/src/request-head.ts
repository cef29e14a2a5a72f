// Parses the head of a request, as a HeadReader hands it out (RFC 9112 sections 3 and 5): method, one space, target, one space,
// HTTP/1.0 or HTTP/1.1, then fields. Says nothing of what they mean: see framing.ts and authority.ts. Quotes nothing.
// Throws HttpProblem: 400; 414 for a long target, 431 for too many fields, 501 for a long method, 505 for another version of HTTP.

import { lineEnd, parseFieldLines } from "./field-lines.ts";
import type { HeadLimits, RequestHead } from "./message.ts";
import { tokenName } from "./names.ts";
import { HttpProblem } from "./problem.ts";
import { minorVersion } from "./version.ts";

/** No method that anybody has is as long; it stands in logs. */
export const MAX_METHOD = 32;
/** Visible ASCII: no space, no control, nothing that is no ASCII. */
const TARGET = /^[!-~]+$/;

/** `text`: each line with its CRLF, without the blank line. */
export function parseRequestHead(text: string, limits: Pick<HeadLimits, "maxFields" | "maxTarget">): RequestHead {
  const end = lineEnd(text, 0);
  const first = text.indexOf(" ");
  const second = text.indexOf(" ", first + 1);
  if (first === -1 || second === -1 || second > end) throw new HttpProblem(400, "no method, target and version");
  const method = tokenName(text.slice(0, first));
  const target = text.slice(first + 1, second);
  if (method === undefined) throw new HttpProblem(400, "a method that is none");
  if (method.length > MAX_METHOD) throw new HttpProblem(501, "a method that nobody has");
  if (!TARGET.test(target)) throw new HttpProblem(400, "a target that is none");
  if (target.length > limits.maxTarget) throw new HttpProblem(414, "the target is too long");
  const minor = minorVersion(text.slice(second + 1, end));
  return { method, target, minor, fields: parseFieldLines(text, end + 2, limits.maxFields) };
}
