// The fields of a header as a milter sees them: a name, and a value as it came, whose folded lines end with LF alone, as
// Postfix and sendmail send them. Never throws.

import { packet, terminated } from "./packets.ts";

const COLON = 0x3a;
const LF = 0x0a;
const isBlank = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x09;

/** One packet a field, from the top. What is no field is left out: a milter could not name it. */
export function* fieldPackets(header: Buffer, keepBlanks: boolean): Generator<Buffer> {
  for (let start = 0, end = 0; start < header.length; start = end) {
    end = fieldEnd(header, start);
    const colon = header.subarray(start, end).indexOf(COLON);
    if (colon <= 0) continue;
    const name = header.toString("latin1", start, start + colon).trimEnd();
    let from = start + colon + 1;
    while (!keepBlanks && isBlank(header[from])) from += 1;
    const value = header.toString("latin1", from, end).replaceAll("\r\n", "\n").replace(/\n$/, "");
    yield packet("field", terminated(Buffer.from(name, "latin1")), terminated(Buffer.from(value, "latin1")));
  }
}

/** Behind the last line of the field that begins at `start`. */
function fieldEnd(header: Buffer, start: number): number {
  for (let at = header.indexOf(LF, start); at !== -1; at = header.indexOf(LF, at + 1)) {
    if (!isBlank(header[at + 1])) return at + 1;
  }
  return header.length;
}
