// Parses the lines of header and trailer fields (RFC 9112 section 5): a name, at once its colon, a value. What is not exactly so is
// refused, for the next hop may read it otherwise: a space before the colon, a folded line, a control. One pass, each character
// once. Quotes nothing. Throws HttpProblem: 400, and 431 for too many fields.

import { HttpProblem } from "./problem.ts";

const TAB = 9;
const SPACE = 32;
const COLON = 58;
const DEL = 127;

/** By character: 1 where it may stand in a token (RFC 9110 section 5.6.2). */
const TOKEN = new Uint8Array(256);
for (const character of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
  TOKEN[character.charCodeAt(0)] = 1;

/** The first character from `at` on that is none of a token. */
export function endOfToken(text: string, at: number): number {
  let end = at;
  while (TOKEN[text.charCodeAt(end)] === 1) end += 1;
  return end;
}

/** The first character from `at` on that may not stand in a value or a reason; the text's length when all may. */
export function endOfValue(text: string, at: number): number {
  const { length } = text;
  for (let end = at; end < length; end += 1) {
    const character = text.charCodeAt(end);
    if ((character < SPACE && character !== TAB) || character === DEL || character > 255) return end;
  }
  return length;
}

/** Whether a line ends here as lines do: in CRLF. */
export const isLineEnd = (text: string, at: number): boolean => text.charCodeAt(at) === 13 && text.charCodeAt(at + 1) === 10;

/** The fields of all lines from `from` to the text's end, each with its CRLF. */
export function parseFieldLines(text: string, from: number, maxFields: number): string[] {
  const fields: string[] = [];
  for (let at = from; at < text.length;) {
    if (fields.length >= 2 * maxFields) throw new HttpProblem(431, "too many fields");
    const colon = endOfToken(text, at);
    if (colon === at || text.charCodeAt(colon) !== COLON) throw notAName(text, at, colon);
    const begin = skipBlanks(text, colon + 1);
    const end = endOfValue(text, begin);
    if (!isLineEnd(text, end)) throw new HttpProblem(400, "a control in a field's value");
    fields.push(text.slice(at, colon), text.slice(begin, endWithoutBlanks(text, begin, end)));
    at = end + 2;
  }
  return fields;
}

const isBlank = (character: number): boolean => character === SPACE || character === TAB;

function skipBlanks(text: string, from: number): number {
  let at = from;
  while (isBlank(text.charCodeAt(at))) at += 1;
  return at;
}

function endWithoutBlanks(text: string, begin: number, end: number): number {
  let last = end;
  while (last > begin && isBlank(text.charCodeAt(last - 1))) last -= 1;
  return last;
}

function notAName(text: string, at: number, end: number): HttpProblem {
  if (end === at && isBlank(text.charCodeAt(at))) return new HttpProblem(400, "a folded field");
  if (end > at && isBlank(text.charCodeAt(end)))
    return new HttpProblem(400, "a blank in a field's name, or between it and its colon");
  return new HttpProblem(400, "no field's name");
}
