// Reads numbers and octets one after the other, and never past the end. Failure: syntax.

import { garbled } from "./header.ts";
import type { Syntax } from "./interfaces.ts";
import { UUID_SIZE, uuidText } from "./uuid.ts";

export class BodyReader {
  readonly #bytes: Buffer;
  at: number;

  /** Reads from `at` to the end of `bytes`. */
  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.at = at;
  }

  get left(): number {
    return this.#bytes.length - this.at;
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  u16(): number {
    return this.#bytes.readUInt16LE(this.#take(2));
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#take(4));
  }

  octets(length: number): Buffer {
    const from = this.#take(length);
    return this.#bytes.subarray(from, from + length);
  }

  uuid(): string {
    return uuidText(this.#bytes, this.#take(UUID_SIZE));
  }

  syntax(): Syntax {
    return { uuid: this.uuid(), major: this.u16(), minor: this.u16() };
  }

  /** Over the octets up to a multiple of `size`. */
  align(size: number): void {
    this.octets((size - (this.at % size)) % size);
  }

  #take(length: number): number {
    const from = this.at;
    if (length > this.left) throw garbled("a PDU shorter than what it announces");
    this.at += length;
    return from;
  }
}
