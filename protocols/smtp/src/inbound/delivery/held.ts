// The beginning of a message as it went out, kept while another backend could still take over: all of it or nothing.
// Small pieces are copied together, so that a client that sends byte by byte costs no more than its bytes.

const SMALL = 2048;
const BLOCK = 16 * 1024;

export class Held {
  readonly #limit: number;
  #chunks: Buffer[] | undefined = [];
  #length = 0;
  /** Of the last chunk, if it is a block of ours: the block, and how much of it is filled. */
  #block: Buffer | undefined;
  #filled = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Everything so far; undefined when it was too much, or nobody wants it. */
  get chunks(): readonly Buffer[] | undefined {
    return this.#chunks;
  }

  push(chunk: Buffer): void {
    if (this.#chunks === undefined) return;
    this.#length += chunk.length;
    if (this.#length > this.#limit) return this.forget();
    if (chunk.length <= SMALL) return this.#append(chunk, this.#chunks);
    this.#block = undefined;
    this.#chunks.push(chunk);
  }

  forget(): void {
    this.#chunks = this.#block = undefined;
  }

  #append(chunk: Buffer, chunks: Buffer[]): void {
    if (this.#block === undefined || this.#filled + chunk.length > BLOCK) {
      this.#block = Buffer.allocUnsafe(Math.max(SMALL, Math.min(BLOCK, this.#limit)));
      this.#filled = 0;
      chunks.push(this.#block.subarray(0, 0));
    }
    this.#filled += chunk.copy(this.#block, this.#filled);
    chunks[chunks.length - 1] = this.#block.subarray(0, this.#filled);
  }
}
