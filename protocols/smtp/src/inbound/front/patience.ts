// How long one client may take: between two signs of life while it owes us something, and in all. One timer looks when the first of
// both may be over, and sets itself anew: nothing is touched when bytes come.

import type { Clock, Timer } from "@postern/contracts";

export interface Limits {
  /** Milliseconds. */
  readonly idle: number;
  /** Shorter than `idle`. */
  readonly rest: number;
  readonly sessionTime: number;
}

export interface Watched {
  readonly startedAt: number;
  /** When the client was last heard, or its turn began; undefined: it waits for us. */
  heardAt(): number | undefined;
  /** It has been silent for `rest`. */
  rests(): void;
  /** False: it cannot end now, and is asked again. */
  expired(reason: string): boolean;
}

const AGAIN_MS = 1000;

export class Patience {
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #watched: Watched;
  #timer: Timer | undefined;

  constructor(clock: Clock, limits: Limits, watched: Watched) {
    this.#clock = clock;
    this.#limits = limits;
    this.#watched = watched;
    this.#look();
  }

  cancel(): void {
    this.#timer?.cancel();
  }

  readonly #look = (): void => {
    const { idle, rest, sessionTime } = this.#limits;
    const now = this.#clock.now();
    const last = this.#watched.startedAt + sessionTime;
    const heardAt = this.#watched.heardAt() ?? now;
    const until = Math.min(last, heardAt + idle);
    const restsAt = heardAt + rest;
    if (restsAt <= now) this.#watched.rests();
    if (until > now) return this.#wait(Math.min(until, restsAt > now ? restsAt : until) - now);
    const reason = now < last ? `Nothing was heard for ${idle} ms` : `The connection was longer than ${sessionTime} ms`;
    if (!this.#watched.expired(reason)) this.#wait(AGAIN_MS);
  };

  #wait(ms: number): void {
    this.#timer = this.#clock.after(ms, this.#look);
  }
}
