// The version in a start line (RFC 9112 section 2.3): HTTP/1.0 and HTTP/1.1, in capitals. Throws HttpProblem: 505 for another
// version of HTTP (as in the first line of HTTP/2), 400 for anything else.

import { HttpProblem } from "./problem.ts";

export function minorVersion(text: string): 0 | 1 {
  if (text === "HTTP/1.1") return 1;
  if (text === "HTTP/1.0") return 0;
  throw /^HTTP\/\d\.\d$/.test(text)
    ? new HttpProblem(505, "not HTTP/1.0 or HTTP/1.1")
    : new HttpProblem(400, "no version of HTTP");
}
