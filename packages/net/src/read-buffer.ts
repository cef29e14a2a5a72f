// The read buffer of a plain backend socket (net.connect's `onread`): small while the session is idle, so that thousands
// of them cost little; while bulk data flows, large ones go round between the sessions of the process, so that one read
// moves much through memory that is still warm, and nothing is left to the garbage collector. A buffer is given back only
// when whoever got it has called back, so it is never read into while it is in use.

const SMALL = 2048;
const LARGE = 128 * 1024;
/** Large buffers kept for reuse, per process. */
const MAX_SPARE = 64;

const spare: Buffer[] = [];

const takeLarge = (): Buffer => spare.pop() ?? Buffer.allocUnsafeSlow(LARGE);

/** Gives back a large buffer that nobody uses any more. */
export function giveBack(buffer: Buffer): void {
  if (spare.length < MAX_SPARE) spare.push(buffer);
}

/** What was read. `lent` is the buffer behind the view: give it back when the view is done with; undefined for a copy. */
export interface ReadView {
  readonly chunk: Buffer;
  readonly lent: Buffer | undefined;
}

export class ReadBuffer {
  #buffer: Buffer = Buffer.allocUnsafeSlow(SMALL);
  #lent = false;
  #filled = 0;

  /** The buffer for the next read; Node asks after each one. */
  readonly next = (): Buffer => {
    const isLarge = this.#buffer.length === LARGE;
    const wantsLarge = isLarge ? this.#filled > LARGE / 4 : this.#filled === SMALL;
    if (isLarge && !this.#lent && !wantsLarge) giveBack(this.#buffer);
    if (wantsLarge && (this.#lent || !isLarge)) this.#buffer = takeLarge();
    else if (isLarge && !wantsLarge) this.#buffer = Buffer.allocUnsafeSlow(SMALL);
    this.#lent = false;
    this.#filled = 0;
    return this.#buffer;
  };

  /** The `count` bytes that were read: a copy when they are few, else a view into a buffer that is lent. */
  view(count: number): ReadView {
    this.#filled = count;
    if (this.#buffer.length === SMALL) return { chunk: Buffer.from(this.#buffer.subarray(0, count)), lent: undefined };
    this.#lent = true;
    return { chunk: this.#buffer.subarray(0, count), lent: this.#buffer };
  }
}
