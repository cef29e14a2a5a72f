// Whether a client that is waited for makes progress, seen from time to time: no byte has to touch a clock.

export class Progress {
  #mark: number | undefined;
  #since = 0;

  /** Milliseconds since `mark` was last another one. undefined: the client is not waited for. */
  standsFor(mark: number | undefined, now: number): number {
    if (mark === undefined || mark !== this.#mark) {
      this.#mark = mark;
      this.#since = now;
    }
    return now - this.#since;
  }
}
