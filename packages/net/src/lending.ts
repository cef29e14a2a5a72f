// Large buffers that sockets read into, lent to whoever gets a chunk of them. Given back, they are used again; one that never
// comes back only costs memory that the garbage collector takes. Never throws.

import type { Lending } from "@postern/contracts";

export type { Lending };

/** Large buffers kept for reuse, per process and size. */
const MAX_SPARE_BYTES = 8 * 1024 * 1024;

/** One user of a large buffer is done with it; after the last one it is used again. */
export function giveBack(lent: Lending): void {
  const { spare, buffer } = lent;
  if (--lent.users === 0 && (spare.length + 1) * buffer.length <= MAX_SPARE_BYTES) spare.push(lent);
}

/** Buffers behind writes that are not done yet. Writes end in order, so the first one out is the first that was lent. */
export class Lent {
  readonly #lendings: Lending[] = [];

  /** The callback for the write that uses `lending`. */
  until(lending: Lending): (error?: Error | null) => void {
    this.#lendings.push(lending);
    return this.#done;
  }

  readonly #done = (error?: Error | null): void => {
    const lending = this.#lendings.shift();
    // After an error nobody knows what the system still reads from: such a buffer is left to the garbage collector.
    if (lending !== undefined && !error) giveBack(lending);
  };
}
