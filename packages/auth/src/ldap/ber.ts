// BER as LDAP uses it (RFC 4511 section 5.1, X.690): definite lengths, one-byte tags. Writes what is asked; reads strictly:
// a length is never believed beyond the bytes that are there. Throws Error for what is malformed, with none of its bytes.

export const INTEGER = 0x02;
export const OCTETS = 0x04;
export const BOOLEAN = 0x01;
export const ENUMERATED = 0x0a;
export const SEQUENCE = 0x30;
export const SET = 0x31;

/** An element: tag, length, contents. */
export function element(tag: number, ...contents: readonly Buffer[]): Buffer {
  const length = contents.reduce((sum, { length: each }) => sum + each, 0);
  return Buffer.concat([Buffer.from([tag]), lengthOf(length), ...contents]);
}

function lengthOf(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length);
  const start = bytes.findIndex((byte) => byte !== 0);
  return Buffer.concat([Buffer.from([0x80 | (4 - start)]), bytes.subarray(start)]);
}

/** An octet string; text as UTF-8. */
export function octets(value: Buffer | string, tag = OCTETS): Buffer {
  return element(tag, typeof value === "string" ? Buffer.from(value, "utf8") : value);
}

/** A number of 0 to 2^31 - 1. */
export function integer(value: number, tag = INTEGER): Buffer {
  const bytes = Buffer.alloc(5);
  bytes.writeUInt32BE(value, 1);
  // The shortest form whose first bit is not set.
  const start = [0, 1, 2, 3].find((at) => bytes[at] !== 0 || bytes[at + 1]! >= 0x80) ?? 4;
  return element(tag, bytes.subarray(start));
}

export function boolean(value: boolean, tag = BOOLEAN): Buffer {
  return element(tag, Buffer.from([value ? 0xff : 0]));
}

interface Header {
  readonly tag: number;
  /** Of tag and length. */
  readonly size: number;
  /** Of the contents. */
  readonly length: number;
}

/** The header at `at`; undefined while its bytes are not all there. */
export function headerAt(bytes: Buffer, at: number): Header | undefined {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined) return undefined;
  if (first < 0x80) return { tag, size: 2, length: first };
  const count = first & 0x7f;
  if (count === 0 || count > 4) throw new Error("BER: a length that LDAP does not have");
  if (bytes.length < at + 2 + count) return undefined;
  return { tag, size: 2 + count, length: bytes.readUIntBE(at + 2, count) };
}

/** Reads the elements of one buffer, in order. */
export class BerReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** The next element. Contents are a part of the buffer, not a copy. */
  next(): { readonly tag: number; readonly contents: Buffer } {
    const header = headerAt(this.#bytes, this.#at);
    const start = this.#at + (header?.size ?? 0);
    if (header === undefined || start + header.length > this.#bytes.length) throw new Error("BER: an element is cut short");
    this.#at = start + header.length;
    return { tag: header.tag, contents: this.#bytes.subarray(start, this.#at) };
  }

  /** The contents of the next element, which must have this tag. */
  take(tag: number): Buffer {
    const { tag: found, contents } = this.next();
    if (found !== tag) throw new Error(`BER: tag 0x${found.toString(16)} where 0x${tag.toString(16)} belongs`);
    return contents;
  }

  /** The elements of the next one, which must have this tag. */
  inside(tag: number): BerReader {
    return new BerReader(this.take(tag));
  }

  /** A number of 0 to 2^31 - 1. */
  takeInteger(tag = INTEGER): number {
    const contents = this.take(tag);
    if (contents.length < 1 || contents.length > 4) throw new Error("BER: a number that LDAP does not have");
    const value = contents.readIntBE(0, contents.length);
    if (value < 0) throw new Error("BER: a negative number");
    return value;
  }
}
