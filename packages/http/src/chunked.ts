// Chunked bodies (RFC 9112 section 7.1), read and written. Reading is strict: a size of 1 to 13 hex digits, at once its CRLF or an
// extension, exactly as many bytes, exactly CRLF. Extensions are read over and dropped; over a whole body there may be few bytes
// of them, and no control in them. Pieces are handed on as they come, without a copy. Forbidden trailers are dropped.
// Throws HttpProblem: 400, and 431 for trailers that are too long. Then the reader is used up.

import { parseFieldLines } from "./field-lines.ts";
import { HeadReader } from "./head-reader.ts";
import { headFields } from "./head-text.ts";
import { trailerFields } from "./hop-by-hop.ts";
import type { Fields } from "./message.ts";
import { HttpProblem } from "./problem.ts";

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const SEMICOLON = 59;
const DEL = 127;

/** 52 bits: every such size is an exact number. */
const MAX_DIGITS = 13;
const MAX_EXTENSIONS = 1024;
const MAX_TRAILER_FIELDS = 100;
const NO_FIELDS: Fields = [];

/** What the next byte belongs to. */
type State = "size" | "extension" | "size-lf" | "data" | "data-cr" | "data-lf" | "trailers" | "end";

export class ChunkedReader {
  readonly #maxTrailers: number;
  #state: State = "size";
  /** Of the chunk under way: bytes that are to come; while its size is read, what was read of it. */
  #left = 0;
  #digits = 0;
  #extensions = 0;
  #trailerReader: HeadReader | undefined;
  #trailers = NO_FIELDS;

  /** `maxTrailers`: bytes of all trailers. */
  constructor(limits: { readonly maxTrailers: number }) {
    this.#maxTrailers = limits.maxTrailers;
  }

  /** Without the forbidden ones. Empty before the body's end. */
  get trailers(): Fields {
    return this.#trailers;
  }

  /** Hands the body's bytes in `chunk` from `from` to `data`. The index behind the body's end; -1 while it is not complete. */
  read(chunk: Buffer, from: number, data: (piece: Buffer) => void): number {
    let at = from;
    while (at < chunk.length && this.#state !== "end") {
      if (this.#state === "data") at = this.#data(chunk, at, data);
      else if (this.#state === "trailers") at = this.#readTrailers(chunk, at);
      else {
        this.#step(chunk[at] ?? 0);
        at += 1;
      }
    }
    return this.#state === "end" ? at : -1;
  }

  #data(chunk: Buffer, at: number, data: (piece: Buffer) => void): number {
    const end = Math.min(chunk.length, at + this.#left);
    this.#left -= end - at;
    if (this.#left === 0) this.#state = "data-cr";
    data(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end));
    return end;
  }

  #step(byte: number): void {
    switch (this.#state) {
      case "size":
        return this.#size(byte);
      case "extension":
        return this.#extension(byte);
      case "size-lf":
        return this.#sizeEnd(byte);
      case "data-cr":
        return this.#expect(byte, CR, "data-lf");
      case "data-lf":
        return this.#expect(byte, LF, "size");
      case "data":
      case "trailers":
      case "end":
    }
  }

  #size(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      this.#digits += 1;
      if (this.#digits > MAX_DIGITS) throw new HttpProblem(400, "a chunk's size is too long");
      this.#left = this.#left * 16 + digit;
    } else if (this.#digits > 0 && byte === CR) this.#state = "size-lf";
    else if (this.#digits > 0 && byte === SEMICOLON) this.#state = "extension";
    else throw new HttpProblem(400, "no size of a chunk");
  }

  #extension(byte: number): void {
    if (byte === CR) this.#state = "size-lf";
    else if ((byte < SPACE && byte !== TAB) || byte === DEL) throw new HttpProblem(400, "a control in a chunk's extension");
    this.#extensions += 1;
    if (this.#extensions > MAX_EXTENSIONS) throw new HttpProblem(400, "too many extensions of chunks");
  }

  #sizeEnd(byte: number): void {
    this.#expect(byte, LF, this.#left === 0 ? "trailers" : "data");
    this.#digits = 0;
  }

  #expect(byte: number, expected: number, next: State): void {
    if (byte !== expected) throw new HttpProblem(400, "no CRLF where a chunk has one");
    this.#state = next;
  }

  #readTrailers(chunk: Buffer, at: number): number {
    const reader = (this.#trailerReader ??= new HeadReader({ maxHead: this.#maxTrailers + 2, maxTarget: 0 }, "end"));
    const end = reader.push(chunk, at);
    if (end === -1) return chunk.length;
    this.#trailers = trailerFields(parseFieldLines(reader.take(), 0, MAX_TRAILER_FIELDS));
    this.#state = "end";
    return end;
  }
}

/** -1 for what is none. */
function hexDigit(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48;
  const letter = byte | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
}

/** What stands before a chunk's bytes; CRLF follows them. Throws Error for 0: that would be the body's end. */
export function chunkHead(size: number): string {
  if (!Number.isSafeInteger(size) || size <= 0) throw new Error(`${size} is no size of a chunk`);
  return `${size.toString(16)}\r\n`;
}

/** The end of a body without trailers. */
export const LAST_CHUNK = "0\r\n\r\n";

/** The end of a body. Forbidden trailers are left out. Throws Error for a field that would not be one line. */
export function lastChunk(trailers: Fields): string {
  return trailers.length === 0 ? LAST_CHUNK : `0\r\n${headFields(trailerFields(trailers))}\r\n`;
}
