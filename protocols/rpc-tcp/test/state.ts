// A shared state for tests: counts without time, and claims that end when a clock is given.

import type { Clock, SharedState } from "@postern/contracts";

export interface TestState extends SharedState {
  readonly claims: ReadonlyMap<string, string>;
}

export function testState(clock?: Clock): TestState {
  const counts = new Map<string, number>();
  const claims = new Map<string, string>();
  const ends = new Map<string, number>();
  const add = (key: string, by: number): number => {
    const sum = (counts.get(key) ?? 0) + by;
    counts.set(key, sum);
    return sum;
  };
  const alive = (key: string): string | undefined =>
    clock !== undefined && clock.now() >= (ends.get(key) ?? 0) ? undefined : claims.get(key);
  return {
    claims,
    take: (key, limit) => Promise.resolve((counts.get(key) ?? 0) < limit && add(key, 1) > 0),
    give: (key) => void add(key, -1),
    count: (key) => Promise.resolve(counts.get(key) ?? 0),
    hit: (key) => Promise.resolve(add(key, 1)),
    remember: () => Promise.resolve(undefined),
    recall: () => Promise.resolve(undefined),
    claim(key, value, ttlMs) {
      const first = alive(key) ?? value;
      claims.set(key, first);
      if (clock !== undefined) ends.set(key, clock.now() + ttlMs);
      return Promise.resolve(first);
    },
    claimed: (key) => Promise.resolve(alive(key)),
  };
}
