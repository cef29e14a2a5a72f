// One timer for all clients of a clock: each is looked at once a second and says itself what has taken too long. So no
// request, and no connection, has a timer of its own. It stands still while there is nobody.

import type { Clock } from "@postern/contracts";

export interface Watched {
  look(now: number): void;
}

const EVERY_MS = 1000;

export class Sweep {
  readonly #clock: Clock;
  readonly #watched = new Set<Watched>();
  #isRunning = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(watched: Watched): void {
    this.#watched.add(watched);
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#clock.after(EVERY_MS, this.#look);
  }

  remove(watched: Watched): void {
    this.#watched.delete(watched);
  }

  readonly #look = (): void => {
    const now = this.#clock.now();
    for (const watched of this.#watched) watched.look(now);
    this.#isRunning = this.#watched.size > 0;
    if (this.#isRunning) this.#clock.after(EVERY_MS, this.#look);
  };
}

const sweeps = new WeakMap<Clock, Sweep>();

export function sweepOf(clock: Clock): Sweep {
  let sweep = sweeps.get(clock);
  if (sweep === undefined) sweeps.set(clock, (sweep = new Sweep(clock)));
  return sweep;
}
