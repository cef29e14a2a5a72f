// The little of DER (ITU-T X.690 section 10) that SPNEGO needs: elements with tags of one byte and definite, shortest
// lengths, of at most 16 MiB. Reads nothing but the bytes it is given. Throws Failure exchange-malformed.

import { Failure } from "@postern/contracts";

export interface Element {
  readonly tag: number;
  readonly value: Buffer;
  /** The element as it stands, with tag and length. */
  readonly whole: Buffer;
}

const MOST_ELEMENTS = 64;
const LONGEST_LENGTH = 3;

const malformed = (what: string): Failure => new Failure("exchange-malformed", `SPNEGO: ${what}`);

/** The element at the beginning of the bytes; what is behind it is left. */
export function firstElement(bytes: Buffer): Element {
  const tag = bytes[0];
  const short = bytes[1];
  if (tag === undefined || short === undefined) throw malformed("an element is cut off");
  if ((tag & 0x1f) === 0x1f) throw malformed("a tag of more than one byte");
  if (short < 0x80) return cut(bytes, tag, 2, short);
  const octets = short & 0x7f;
  if (octets === 0 || octets > LONGEST_LENGTH) throw malformed("a length that is indefinite or too long");
  if (bytes.length < 2 + octets) throw malformed("an element is cut off");
  const length = bytes.readUIntBE(2, octets);
  if (length < 0x80 || (octets > 1 && bytes[2] === 0)) throw malformed("a length that is not the shortest");
  return cut(bytes, tag, 2 + octets, length);
}

function cut(bytes: Buffer, tag: number, start: number, length: number): Element {
  const end = start + length;
  if (end > bytes.length) throw malformed("an element is longer than what holds it");
  return { tag, value: bytes.subarray(start, end), whole: bytes.subarray(0, end) };
}

/** All elements of the bytes, which must end with the last one. */
export function elements(bytes: Buffer): Element[] {
  const found: Element[] = [];
  for (let rest = bytes; rest.length > 0;) {
    if (found.length === MOST_ELEMENTS) throw malformed("too many elements");
    const element = firstElement(rest);
    found.push(element);
    rest = rest.subarray(element.whole.length);
  }
  return found;
}

/** The value of the one element that the bytes are. */
export function only(bytes: Buffer, tag: number): Buffer {
  const element = firstElement(bytes);
  if (element.tag !== tag || element.whole.length !== bytes.length)
    throw malformed(`not just one element of type ${tag.toString(16)}`);
  return element.value;
}

/** An element. */
export function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const value = Buffer.concat(parts);
  if (value.length < 0x80) return Buffer.concat([Buffer.from([tag, value.length]), value]);
  const octets = value.length < 0x100 ? 1 : value.length < 0x10000 ? 2 : LONGEST_LENGTH;
  const head = Buffer.from([tag, 0x80 | octets, 0, 0, 0]).subarray(0, 2 + octets);
  head.writeUIntBE(value.length, 2, octets);
  return Buffer.concat([head, value]);
}
