// Writes the NDR of a stub: numbers and octets, each at its alignment. Never throws.

export class Stub {
  readonly #pieces: Buffer[] = [];
  #length = 0;

  u32(...values: readonly number[]): this {
    this.align();
    for (const value of values) {
      const octets = Buffer.alloc(4);
      octets.writeUInt32LE(value >>> 0);
      this.octets(octets);
    }
    return this;
  }

  octets(octets: Buffer): this {
    this.#pieces.push(octets);
    this.#length += octets.length;
    return this;
  }

  /** Up to a multiple of four. */
  align(): this {
    return this.octets(Buffer.alloc(-this.#length & 3));
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#pieces);
  }
}
