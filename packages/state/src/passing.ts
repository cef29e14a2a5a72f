// What is kept for a time only: counts and marks that end by themselves. Bounded: one above the bound, the one that was
// renewed longest ago is forgotten, ended or not. Keys are opaque text. Never throws.

interface Entry<T> {
  readonly value: T;
  readonly until: number;
}

export class Passing<T> {
  readonly #now: () => number;
  readonly #bound: number;
  /** The one renewed longest ago comes first. */
  readonly #entries = new Map<string, Entry<T>>();

  /** `now` in milliseconds; `bound`: how many keys. */
  constructor(now: () => number, bound: number) {
    this.#now = now;
    this.#bound = bound;
  }

  /** Ended ones that nobody has asked for are among them. */
  get size(): number {
    return this.#entries.size;
  }

  /** The value that has not ended, and when it will. */
  find(key: string): Entry<T> | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || this.#now() < entry.until) return entry;
    this.#entries.delete(key);
    return undefined;
  }

  set(key: string, value: T, until: number): void {
    this.#entries.delete(key);
    this.#entries.set(key, { value, until });
    this.#forget();
  }

  /** The oldest when there are too many, and of those behind it a few that have ended. */
  #forget(): void {
    const now = this.#now();
    let looked = 0;
    for (const [key, { until }] of this.#entries) {
      if (looked === LOOKS || (this.#entries.size <= this.#bound && now < until)) return;
      this.#entries.delete(key);
      looked += 1;
    }
  }
}

/** How many ended ones one new one drops at most, so that no call takes long. */
const LOOKS = 4;
