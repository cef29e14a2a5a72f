// Bytes that were received and not yet read: taken as lines, as counted bytes, or all together. Adding costs in
// proportion to what is added, however small the pieces are in which a slow peer sends a long line.
// Throws Failure line-too-long.

import { Failure } from "@postern/contracts";

const EMPTY = Buffer.alloc(0);
const LF = 10;
const CR = 13;
const SMALLEST = 1024;

export class Unread {
  #buffer: Buffer = EMPTY;
  #start = 0;
  #end = 0;
  /** Up to here there is no line end. */
  #scanned = 0;
  /** The buffer was made here, so there may be room behind #end; otherwise it is somebody's chunk. */
  #own = false;

  get length(): number {
    return this.#end - this.#start;
  }

  /** The chunk must not change afterwards. */
  push(chunk: Buffer): void {
    if (this.length === 0) return this.#set(chunk, 0, chunk.length, false);
    if (!this.#own || this.#end + chunk.length > this.#buffer.length) this.#grow(this.length + chunk.length);
    chunk.copy(this.#buffer, this.#end);
    this.#end += chunk.length;
  }

  /** A line as latin1 text without its CRLF or LF; undefined while it is not complete. `max` counts its bytes. */
  line(max: number): string | undefined {
    const found = this.#buffer.subarray(0, this.#end).indexOf(LF, this.#scanned);
    const length = (found === -1 ? this.#end : found) - this.#start;
    if (length > max + 1) throw new Failure("line-too-long", `A line of more than ${max} bytes`);
    if (found === -1) {
      this.#scanned = this.#end;
      return undefined;
    }
    const end = found > this.#start && this.#buffer[found - 1] === CR ? found - 1 : found;
    const line = this.#buffer.toString("latin1", this.#start, end);
    this.#consume(found + 1);
    return line;
  }

  /** Exactly `count` bytes, copied; undefined while there are fewer. */
  bytes(count: number): Buffer | undefined {
    if (this.length < count) return undefined;
    const bytes = Buffer.from(this.#buffer.subarray(this.#start, this.#start + count));
    this.#consume(this.#start + count);
    return bytes;
  }

  /** Everything; nothing is left. */
  all(): Buffer {
    const rest = this.#buffer.subarray(this.#start, this.#end);
    this.#set(EMPTY, 0, 0, false);
    return rest;
  }

  #consume(start: number): void {
    if (start === this.#end) return this.#set(EMPTY, 0, 0, false);
    this.#start = start;
    this.#scanned = start;
  }

  #grow(needed: number): void {
    const buffer = Buffer.allocUnsafe(Math.max(SMALLEST, needed * 2));
    const length = this.#buffer.copy(buffer, 0, this.#start, this.#end);
    const scanned = this.#scanned - this.#start;
    this.#set(buffer, 0, length, true);
    this.#scanned = Math.max(0, scanned);
  }

  #set(buffer: Buffer, start: number, end: number, own: boolean): void {
    this.#buffer = buffer;
    this.#start = start;
    this.#end = end;
    this.#scanned = start;
    this.#own = own;
  }
}
