// The time that one server has for one check, all its steps together.

import { durationText, type Clock } from "@postern/contracts";

export class Deadline {
  readonly #clock: Clock;
  readonly #at: number;
  readonly #wholeMs: number;

  constructor(clock: Clock, wholeMs: number) {
    this.#clock = clock;
    this.#at = clock.now() + wholeMs;
    this.#wholeMs = wholeMs;
  }

  get over(): boolean {
    return this.#clock.now() >= this.#at;
  }

  /** Calls `late` with an error when the time is over; gives back how to call that off. */
  watch(late: (error: Error) => void): () => void {
    const left = Math.max(0, this.#at - this.#clock.now());
    const timer = this.#clock.after(left, () => late(new Error(`no answer within ${durationText(this.#wholeMs)}`)));
    return () => timer.cancel();
  }
}
