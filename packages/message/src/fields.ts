// Where the fields of a header lie in its bytes (RFC 5322 sections 2.2 and 4.5). Only CRLF ends a line. Never throws, never
// copies, and takes time linear in the bytes, whatever they hold.

const CR = 13;
const LF = 10;
const COLON = 58;
const SPACE = 32;
const TAB = 9;

export const CRLF = Buffer.from("\r\n");

/** One field: its bytes from `start` to `end`, folded lines and last CRLF included. */
export interface FieldSpan {
  readonly start: number;
  /** Where the name ends; equal to `start` for a line that is no field. */
  readonly nameEnd: number;
  /** Where the value begins, behind the colon. */
  readonly value: number;
  end: number;
}

/** Just behind the next CRLF at or after `from`; -1: there is none yet. */
export function lineEnd(bytes: Buffer, from: number): number {
  let at = bytes.indexOf(LF, from);
  while (at !== -1 && bytes[at - 1] !== CR) at = bytes.indexOf(LF, at + 1);
  return at === -1 ? -1 : at + 1;
}

/** Does a line that begins here go on with the field above it? */
export const continues = (bytes: Buffer, at: number): boolean => isBlank(bytes[at]);

/**
 * The name and the colon of a line. A name is printable US-ASCII without a colon; blanks between name and colon are obsolete
 * syntax, and taken. undefined: the line is no field.
 */
export function nameOf(bytes: Buffer, start: number, end: number): { nameEnd: number; colon: number } | undefined {
  let nameEnd = start;
  while (nameEnd < end && isNameByte(bytes[nameEnd])) nameEnd++;
  if (nameEnd === start) return undefined;
  let colon = nameEnd;
  while (colon < end && isBlank(bytes[colon])) colon++;
  return colon < end && bytes[colon] === COLON ? { nameEnd, colon } : undefined;
}

/** All fields, from the top. What is no field is a span without a name, so that nothing is left out. */
export function spansOf(bytes: Buffer): FieldSpan[] {
  const spans: FieldSpan[] = [];
  for (let start = 0, end = 0; start < bytes.length; start = end) {
    end = lineEnd(bytes, start);
    if (end === -1) end = bytes.length;
    const above = spans.at(-1);
    if (above !== undefined && continues(bytes, start)) {
      above.end = end;
      continue;
    }
    const name = nameOf(bytes, start, end);
    spans.push({ start, nameEnd: name?.nameEnd ?? start, value: name === undefined ? start : name.colon + 1, end });
  }
  return spans;
}

/** In small letters; "" for what is no field. */
export const lowerName = (bytes: Buffer, { start, nameEnd }: FieldSpan): string =>
  bytes.toString("latin1", start, nameEnd).toLowerCase();

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB;
}

function isNameByte(byte: number | undefined): boolean {
  return byte !== undefined && byte > SPACE && byte < 127 && byte !== COLON;
}
