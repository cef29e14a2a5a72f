// So many requests a minute, by key: a minute's worth at once, then one each time that its share of the minute is over (the
// generic cell rate algorithm, ITU-T I.371). Memory is bounded: above the bound the key that was asked about longest ago is
// forgotten, and has a minute's worth again. Never throws.

import type { Clock } from "@postern/contracts";
import { remember } from "../hints/remember.ts";

export interface Rates {
  /** Takes one; 0, or in how many milliseconds there will be one to take. */
  take(key: string, perMinute: number): number;
  /** The same, and takes none. */
  look(key: string, perMinute: number): number;
}

const MINUTE = 60_000;
const KEYS = 20_000;

export function createRates(clock: Clock, bound: number = KEYS): Rates {
  /** When all that was taken will be there again. */
  const wholeAt = new Map<string, number>();
  const stateOf = (key: string, perMinute: number): { readonly whole: number; readonly wait: number } => {
    const now = clock.now();
    // A clock that was set back lets nobody wait for longer than a minute.
    const whole = Math.min(Math.max(wholeAt.get(key) ?? now, now), now + MINUTE);
    // Rounded: a share need not be a whole number.
    return { whole, wait: Math.max(0, Math.round(whole + MINUTE / perMinute - now - MINUTE)) };
  };
  return {
    take(key, perMinute) {
      const { whole, wait } = stateOf(key, perMinute);
      remember(wholeAt, key, wait === 0 ? whole + MINUTE / perMinute : whole, bound);
      return wait;
    },
    look: (key, perMinute) => stateOf(key, perMinute).wait,
  };
}
