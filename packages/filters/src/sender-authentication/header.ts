// What of a message's header is given to mailauth: all of it, unless it was written to make work. Its time grows with the
// square of lines and fields, and with signatures times fields, so those are bounded here. Fields are told apart as mailauth
// does it (a line that begins no field belongs to the field above), so that both see the same ones. Never throws.

/** What no honest message comes near; tests measure what the most costly header within these bounds costs. */
export const HEADER_BOUNDS = {
  bytes: 256 * 1024,
  lines: 5000,
  fields: 2000,
  /** Of one DKIM-Signature or ARC field. */
  signature: 8 * 1024,
  /** Colons in one: what h= names, and z= copies. */
  names: 128,
  /** Of all From fields together. */
  from: 8 * 1024,
  contentType: 8 * 1024,
  /** A signature with l= needs a body hash of its own. */
  partialSignatures: 1,
} as const;

export interface CheckableHeader {
  /** The fields, each with its CRLF, without the empty line. */
  readonly bytes: Buffer;
  /** Signatures that were left out. */
  readonly leftOut: number;
  /** There are signatures or seals to be checked: without, nobody needs to see the body. */
  readonly isSigned: boolean;
  /** Why no signature of this message is looked at. */
  readonly notChecked: string | undefined;
  /** The From fields alone; undefined: they cannot be read. */
  readonly from: Buffer | undefined;
}

const FIELD_START = /^[\x21-\x39\x3b-\x7e]+[ \t\r\n]*:/;
const LF = 0x0a;

interface Field {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** Ends of lines, behind each LF; undefined: too many. */
function lineEnds(bytes: Buffer): number[] | undefined {
  const ends: number[] = [];
  for (let at = 0; at < bytes.length;) {
    const found = bytes.indexOf(LF, at);
    at = found === -1 ? bytes.length : found + 1;
    ends.push(at);
    if (ends.length > HEADER_BOUNDS.lines) return undefined;
  }
  return ends;
}

function nameOf(bytes: Buffer, start: number, end: number): string {
  const colon = bytes.indexOf(":", start);
  // No name is longer; what is, is nobody's.
  if (colon === -1 || colon >= end || colon - start > 200) return "";
  return bytes
    .toString("latin1", start, colon)
    .replace(/\r?\n/g, "")
    .replace(/^[ \t]+|[ \t]+$/g, "")
    .toLowerCase();
}

function fieldsOf(bytes: Buffer, ends: readonly number[]): Field[] {
  const starts = [0];
  for (let line = 1; line < ends.length; line++) {
    const start = ends[line - 1] ?? 0;
    // A fold may stand between the name and its colon.
    const end = Math.min(ends[line + 1] ?? ends[line] ?? start, start + 256);
    if (FIELD_START.test(bytes.toString("latin1", start, end))) starts.push(start);
  }
  return starts.map((start, index) => {
    const end = starts[index + 1] ?? bytes.length;
    return { name: nameOf(bytes, start, end), start, end };
  });
}

const isSignature = (name: string): boolean => name === "dkim-signature";
const isSeal = (name: string): boolean => name.startsWith("arc-");

function colons(bytes: Buffer, { start, end }: Field): number {
  let count = 0;
  for (let at = bytes.indexOf(":", start); at !== -1 && at < end; at = bytes.indexOf(":", at + 1)) count++;
  return count;
}

const tooCostly = (bytes: Buffer, field: Field): boolean =>
  field.end - field.start > HEADER_BOUNDS.signature || colons(bytes, field) > HEADER_BOUNDS.names;

/** An l= tag, whether or not the list is well formed. */
const isPartial = (bytes: Buffer, { start, end }: Field): boolean => /[;:]\s*l\s*=/i.test(bytes.toString("latin1", start, end));

const bytesOf = (bytes: Buffer, fields: readonly Field[]): Buffer =>
  Buffer.concat(fields.map(({ start, end }) => bytes.subarray(start, end)));

function whyNot(bytes: Buffer, fields: readonly Field[]): string | undefined {
  if (fields.length > HEADER_BOUNDS.fields) return "the header has too many fields";
  if (fields.some(({ name, start, end }) => name === "content-type" && end - start > HEADER_BOUNDS.contentType))
    return "Content-Type is too long";
  if (fields.some((field) => isSeal(field.name) && tooCostly(bytes, field))) return "an ARC field is too long";
  return undefined;
}

/** `bytes`: the header as it came, every field with its CRLF, without the empty line. */
export function checkableHeader(bytes: Buffer, maxSignatures: number): CheckableHeader {
  const refused = (notChecked: string, from?: Buffer): CheckableHeader => ({
    bytes,
    leftOut: 0,
    isSigned: false,
    notChecked,
    from,
  });
  if (bytes.length > HEADER_BOUNDS.bytes) return refused("the header is too large");
  const ends = lineEnds(bytes);
  if (ends === undefined) return refused("the header has too many lines");
  const fields = fieldsOf(bytes, ends);
  const from = bytesOf(
    bytes,
    fields.filter(({ name }) => name === "from"),
  );
  if (from.length > HEADER_BOUNDS.from) return refused("From is too long");
  const notChecked = whyNot(bytes, fields);
  if (notChecked !== undefined) return refused(notChecked, from);
  const kept = withoutCostly(bytes, fields, maxSignatures);
  const leftOut = fields.length - kept.length;
  const isSigned = kept.some(({ name }) => isSignature(name) || isSeal(name));
  return { bytes: leftOut === 0 ? bytes : bytesOf(bytes, kept), leftOut, isSigned, notChecked, from };
}

function withoutCostly(bytes: Buffer, fields: readonly Field[], maxSignatures: number): readonly Field[] {
  let signatures = 0;
  let partial = 0;
  return fields.filter((field) => {
    if (!isSignature(field.name)) return true;
    if (signatures >= maxSignatures || tooCostly(bytes, field)) return false;
    if (isPartial(bytes, field) && ++partial > HEADER_BOUNDS.partialSignatures) return false;
    signatures++;
    return true;
  });
}
