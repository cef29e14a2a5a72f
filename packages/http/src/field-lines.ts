// Parses the lines of header and trailer fields (RFC 9112 section 5): a name, at once its colon, a value. What is not exactly so is
// refused, for the next hop may read it otherwise: a space before the colon, a folded line, a CR, LF or NUL in a value. Other
// controls have not come past the HeadReader. Quotes nothing. Throws HttpProblem: 400, and 431 for too many fields.

import { tokenName } from "./names.ts";
import { HttpProblem } from "./problem.ts";

const TAB = 9;
const SPACE = 32;

/** The fields of all lines from `from` to the text's end, each line with its CRLF. */
export function parseFieldLines(text: string, from: number, maxFields: number): string[] {
  if (text.includes("\0", from)) throw new HttpProblem(400, "a NUL");
  const fields: string[] = [];
  for (let at = from; at < text.length;) {
    if (fields.length >= 2 * maxFields) throw new HttpProblem(431, "too many fields");
    const end = lineEnd(text, at);
    const colon = text.indexOf(":", at);
    const name = colon < end ? tokenName(text.slice(at, colon)) : undefined;
    if (name === undefined)
      throw new HttpProblem(400, isBlank(text, at) ? "a folded field" : "no field's name at once before a colon");
    fields.push(name, trimmed(text, colon + 1, end));
    at = end + 2;
  }
  return fields;
}

/** Where the line from `at` ends: in the first CR and the first LF, or there is no end. */
export function lineEnd(text: string, at: number): number {
  const end = text.indexOf("\r", at);
  if (end === -1 || text.indexOf("\n", at) !== end + 1) throw new HttpProblem(400, "a line does not end in CRLF");
  return end;
}

/** From `from` to `to`, without the spaces and tabs at both ends: no other character is white space here. */
export function trimmed(text: string, from: number, to: number): string {
  let begin = from;
  let end = to;
  while (begin < end && isBlank(text, begin)) begin += 1;
  while (begin < end && isBlank(text, end - 1)) end -= 1;
  return text.slice(begin, end);
}

function isBlank(text: string, at: number): boolean {
  const character = text.charCodeAt(at);
  return character === SPACE || character === TAB;
}
