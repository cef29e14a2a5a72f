// The read buffer of a plain backend socket (net.connect's `onread`): small while the session is idle, so that thousands
// of them cost little, and growing to 256 kB while bulk data flows, so that one read moves much. A buffer that the
// other side still holds is never read into again.

const SMALL = 2048;
const LARGE = 256 * 1024;
const GROWTH = 8;

export class ReadBuffer {
  #buffer = Buffer.allocUnsafeSlow(SMALL);
  #held = false;
  #filled = 0;

  /** The buffer for the next read; Node asks after each one. */
  readonly next = (): Uint8Array => {
    const size = this.#nextSize();
    if (this.#held || size !== this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(size);
    this.#held = false;
    this.#filled = 0;
    return this.#buffer;
  };

  /** What was read: a copy when it is small, else a view that must be reported with hold() if it is kept. */
  view(count: number): Buffer {
    this.#filled = count;
    return count <= SMALL ? Buffer.from(this.#buffer.subarray(0, count)) : this.#buffer.subarray(0, count);
  }

  /** The view is still in use: the next read gets another buffer. */
  hold(): void {
    if (this.#filled > SMALL) this.#held = true;
  }

  #nextSize(): number {
    const size = this.#buffer.length;
    if (this.#filled === size) return Math.min(size * GROWTH, LARGE);
    return this.#filled > SMALL ? size : SMALL;
  }
}
