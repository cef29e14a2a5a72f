// Who has had failed logins lately: addresses, or accounts. Counts them, tells new failures from repeats, takes them back,
// and forgets them after a quiet time. Memory is bounded; the trouble with the oldest new failure is forgotten first.
// Keys are opaque text; passwords and users come as fingerprints. Never throws.

import type { Clock } from "@postern/contracts";

export interface TroubleBounds {
  /** Addresses, or accounts, remembered. */
  readonly size: number;
  /** Wrong guesses remembered of each, and as many users who took a failure of others back. */
  readonly guesses: number;
}

export interface TroubleRules {
  /** Quiet time in milliseconds after which all is forgotten. */
  readonly forget: number;
  /** Failures until the delay is the longest. */
  readonly patience: number;
}

/** A failed attempt. */
export interface Guess {
  /** The same for the same guess. */
  readonly id: string;
  /** The guess cannot be seen: two with the same id may be different guesses. */
  readonly opaque: boolean;
  /** Who made it, as this count sees it: the user at an address, the address at an account. */
  readonly by: string;
}

interface Tried {
  readonly by: string;
  /** Failures counted for it and not yet taken back. */
  counted: number;
}

interface Trouble {
  failures: number;
  /** When the last new failure was, milliseconds of the clock. */
  lastAt: number;
  /** By id, oldest first. */
  readonly tried: Map<string, Tried>;
  /** Who took a failure of others back, and when; oldest first. */
  readonly helpers: Map<string, number>;
}

export class Troubles {
  readonly #clock: Clock;
  readonly #rules: TroubleRules;
  readonly #bounds: TroubleBounds;
  /** In the order of the last new failure. */
  readonly #all = new Map<string, Trouble>();

  constructor(clock: Clock, rules: TroubleRules, bounds: TroubleBounds) {
    this.#clock = clock;
    this.#rules = rules;
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#all.size;
  }

  /** New failures, less those taken back. */
  failures(key: string): number {
    return this.#find(key)?.failures ?? 0;
  }

  /** Counts a guess. A repeat adds nothing; where repeats cannot be told from guesses, they add until `patience`. */
  add(key: string, { id, opaque, by }: Guess): void {
    const trouble = this.#find(key) ?? { failures: 0, lastAt: 0, tried: new Map(), helpers: new Map() };
    const tried = trouble.tried.get(id) ?? { by, counted: 0 };
    if (trouble.tried.has(id) && (!opaque || trouble.failures >= this.#rules.patience)) return;
    tried.counted += 1;
    trouble.failures += 1;
    trouble.lastAt = this.#clock.now();
    remember(trouble.tried, id, tried, this.#bounds.guesses);
    this.#all.delete(key);
    this.#all.set(key, trouble);
    this.#forgetOld();
  }

  /** Takes the failures of somebody back: a success has shown that they were slips. How many. */
  forgive(key: string, by: string): number {
    const trouble = this.#find(key);
    if (trouble === undefined) return 0;
    let slips = 0;
    for (const tried of trouble.tried.values()) {
      if (tried.by !== by) continue;
      slips += tried.counted;
      tried.counted = 0;
    }
    trouble.failures = Math.max(0, trouble.failures - slips);
    return slips;
  }

  /** Takes one failure of others back; each helper can do so once in the quiet time. */
  help(key: string, helper: string): void {
    const trouble = this.#find(key);
    if (trouble === undefined || trouble.failures === 0) return;
    const now = this.#clock.now();
    const last = trouble.helpers.get(helper);
    if (last !== undefined && now - last < this.#rules.forget) return;
    trouble.helpers.delete(helper);
    remember(trouble.helpers, helper, now, this.#bounds.guesses);
    trouble.failures -= 1;
  }

  #isOver(trouble: Trouble): boolean {
    return this.#clock.now() - trouble.lastAt >= this.#rules.forget;
  }

  #find(key: string): Trouble | undefined {
    const trouble = this.#all.get(key);
    return trouble === undefined || this.#isOver(trouble) ? undefined : trouble;
  }

  #forgetOld(): void {
    for (const [key, trouble] of this.#all) {
      if (this.#all.size <= this.#bounds.size && !this.#isOver(trouble)) return;
      this.#all.delete(key);
    }
  }
}

/** Puts it into the map; one above the bound, the oldest goes. */
function remember<T>(map: Map<string, T>, key: string, value: T, bound: number): void {
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > bound && oldest !== undefined) map.delete(oldest);
}
