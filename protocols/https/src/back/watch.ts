// One look at all connections each second: which backend has been silent for too long. No connection and no request has a
// timer of its own.

import type { Clock, Timer } from "@postern/contracts";

const EVERY_MS = 1000;

export interface Watched {
  check(now: number): void;
}

export class Watch {
  readonly #clock: Clock;
  readonly #watched = new Set<Watched>();
  #timer: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  add(one: Watched): void {
    this.#watched.add(one);
    this.#timer ??= this.#clock.after(EVERY_MS, () => this.#look());
  }

  delete(one: Watched): void {
    this.#watched.delete(one);
    if (this.#watched.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #look(): void {
    this.#timer = this.#clock.after(EVERY_MS, () => this.#look());
    const now = this.#clock.now();
    for (const one of this.#watched) one.check(now);
  }
}
