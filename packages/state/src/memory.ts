// Shared state in the memory of one process. Places are tagged with the owner that took them, so that all places of a
// worker that dies can be given back at once. A count that reaches zero is dropped, so nothing grows with the number of
// users or addresses ever seen; counts in a window, marks and claims belong to nobody, end by themselves, and are bounded.
// Never throws.

import { systemClock, type Clock, type SharedState } from "@postern/contracts";
import { Passing } from "./passing.ts";

/** Who took a place: any value with an identity; the child process itself serves for a worker. */
export type Owner = object;

export interface MemoryState extends SharedState {
  /** The same places, taken in the name of `owner`; it can give back only what it took itself. */
  forOwner(owner: Owner): SharedState;
  /** Gives back every place of `owner`. Harmless when it has none. */
  drop(owner: Owner): void;
  /** What the memory grows with: keys with places taken, owners who have taken some, windows, marks and claims. */
  sizes(): { readonly [of in "keys" | "owners" | "windows" | "marks" | "claims"]: number };
}

export interface StateBounds {
  /** Keys counted in a window. */
  readonly windows: number;
  readonly marks: number;
  readonly claims: number;
}

/** Some 45 MB when both are full; a flood of new marks must not push out one that somebody comes back for in five minutes. */
export const STATE_BOUNDS: StateBounds = { windows: 50_000, marks: 250_000, claims: 100_000 };

type Counts = Map<string, number>;

function lower(counts: Counts, key: string, by: number): void {
  const left = (counts.get(key) ?? 0) - by;
  if (left > 0) counts.set(key, left);
  else counts.delete(key);
}

/** Never below 0, though somebody may have set the wall clock back. */
const age = (since: number, now: number): number => Math.max(0, now - since);

/** An empty state. Its own take and give are those of one more owner: the process itself. */
export function createMemoryState(clock: Pick<Clock, "now"> = systemClock, bounds: StateBounds = STATE_BOUNDS): MemoryState {
  const now = (): number => clock.now();
  const totals: Counts = new Map();
  const owners = new Map<Owner, Counts>();
  const windows = new Passing<number>(now, bounds.windows);
  /** When each was first set. */
  const marks = new Passing<number>(now, bounds.marks);
  const claims = new Passing<string>(now, bounds.claims);

  function take(owner: Owner, key: string, limit: number): boolean {
    const taken = totals.get(key) ?? 0;
    if (taken >= limit) return false;
    const own = owners.get(owner) ?? new Map<string, number>();
    owners.set(owner, own);
    own.set(key, (own.get(key) ?? 0) + 1);
    totals.set(key, taken + 1);
    return true;
  }

  // A give of what the owner does not hold changes nothing: a worker's last words may arrive after drop().
  function give(owner: Owner, key: string): void {
    const own = owners.get(owner);
    if (own === undefined || !own.has(key)) return;
    lower(own, key, 1);
    lower(totals, key, 1);
    if (own.size === 0) owners.delete(owner);
  }

  function hit(key: string, windowMs: number): number {
    const window = windows.find(key);
    const hits = (window?.value ?? 0) + 1;
    windows.set(key, hits, window?.until ?? now() + windowMs);
    return hits;
  }

  function remember(key: string, ttlMs: number): number {
    const at = now();
    const since = marks.find(key)?.value ?? at;
    marks.set(key, since, at + ttlMs);
    return age(since, at);
  }

  function recall(key: string): number | undefined {
    const since = marks.find(key)?.value;
    return since === undefined ? undefined : age(since, now());
  }

  function claim(key: string, value: string, ttlMs: number): string {
    const first = claims.find(key)?.value ?? value;
    claims.set(key, first, now() + ttlMs);
    return first;
  }

  const forOwner = (owner: Owner): SharedState => ({
    take: async (key, limit) => take(owner, key, limit),
    give: (key) => give(owner, key),
    count: async (key) => totals.get(key) ?? 0,
    hit: async (key, windowMs) => hit(key, windowMs),
    remember: async (key, ttlMs) => remember(key, ttlMs),
    recall: async (key) => recall(key),
    claim: async (key, value, ttlMs) => claim(key, value, ttlMs),
    claimed: async (key) => claims.find(key)?.value,
  });

  return {
    ...forOwner({}),
    forOwner,
    drop(owner) {
      for (const [key, places] of owners.get(owner) ?? []) lower(totals, key, places);
      owners.delete(owner);
    },
    sizes: () => ({ keys: totals.size, owners: owners.size, windows: windows.size, marks: marks.size, claims: claims.size }),
  };
}
