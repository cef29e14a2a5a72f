// The version in a start line (RFC 9112 section 2.3): HTTP/1.0 and HTTP/1.1, in capitals. Throws HttpProblem: 505 for another
// version of HTTP (as in the first line of HTTP/2), 400 for anything else.

import { HttpProblem } from "./problem.ts";

export const VERSION_LENGTH = "HTTP/1.1".length;
const ANY_VERSION = /HTTP\/\d\.\d(?!\d)/y;

export function minorVersion(text: string, at: number): 0 | 1 {
  if (text.startsWith("HTTP/1.1", at)) return 1;
  if (text.startsWith("HTTP/1.0", at)) return 0;
  ANY_VERSION.lastIndex = at;
  throw ANY_VERSION.test(text) ? new HttpProblem(505, "not HTTP/1.0 or HTTP/1.1") : new HttpProblem(400, "no version of HTTP");
}
