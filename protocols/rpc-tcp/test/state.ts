// A shared state for tests: counts and claims, without time.

import type { SharedState } from "@postern/contracts";

export interface TestState extends SharedState {
  readonly claims: ReadonlyMap<string, string>;
}

export function testState(): TestState {
  const counts = new Map<string, number>();
  const claims = new Map<string, string>();
  const add = (key: string, by: number): number => {
    const sum = (counts.get(key) ?? 0) + by;
    counts.set(key, sum);
    return sum;
  };
  return {
    claims,
    take: (key, limit) => Promise.resolve((counts.get(key) ?? 0) < limit && add(key, 1) > 0),
    give: (key) => void add(key, -1),
    count: (key) => Promise.resolve(counts.get(key) ?? 0),
    hit: (key) => Promise.resolve(add(key, 1)),
    remember: () => Promise.resolve(undefined),
    recall: () => Promise.resolve(undefined),
    claim(key, value) {
      const first = claims.get(key) ?? value;
      claims.set(key, first);
      return Promise.resolve(first);
    },
  };
}
