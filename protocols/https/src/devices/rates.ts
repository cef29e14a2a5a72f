// So many requests a minute, by key: a bucket that fills evenly, and holds a minute's worth. Memory is bounded: above the bound
// the key that was asked about longest ago is forgotten, and begins with a full bucket. Never throws.

import type { Clock } from "@postern/contracts";
import { remember } from "../hints/remember.ts";

export interface Rates {
  /** Takes one; 0, or in how many milliseconds there will be one to take. */
  take(key: string, perMinute: number): number;
}

const MINUTE = 60_000;
const KEYS = 20_000;

export function createRates(clock: Clock, bound: number = KEYS): Rates {
  const buckets = new Map<string, { left: number; at: number }>();
  return {
    take(key, perMinute) {
      const now = clock.now();
      const bucket = buckets.get(key) ?? { left: perMinute, at: now };
      // A clock that was set back fills nothing.
      bucket.left = Math.min(perMinute, bucket.left + (Math.max(0, now - bucket.at) * perMinute) / MINUTE);
      bucket.at = now;
      remember(buckets, key, bucket, bound);
      if (bucket.left < 1) return Math.ceil(((1 - bucket.left) * MINUTE) / perMinute);
      bucket.left -= 1;
      return 0;
    },
  };
}
