// Shared state in the memory of one process. Places are tagged with the owner that took them, so that all places of a
// worker that dies can be given back at once. A count that reaches zero is dropped, so nothing grows with the number of
// users or addresses ever seen. Never throws.

import type { SharedState } from "@postern/contracts";

/** Who took a place: any value with an identity; the child process itself serves for a worker. */
export type Owner = object;

export interface MemoryState extends SharedState {
  /** The same places, taken in the name of `owner`; it can give back only what it took itself. */
  forOwner(owner: Owner): SharedState;
  /** Gives back every place of `owner`. Harmless when it has none. */
  drop(owner: Owner): void;
  /** How many keys have places taken, and how many owners have taken some: what the memory grows with. */
  sizes(): { readonly keys: number; readonly owners: number };
}

type Counts = Map<string, number>;

function lower(counts: Counts, key: string, by: number): void {
  const left = (counts.get(key) ?? 0) - by;
  if (left > 0) counts.set(key, left);
  else counts.delete(key);
}

/** An empty state. Its own take and give are those of one more owner: the process itself. */
export function createMemoryState(): MemoryState {
  const totals: Counts = new Map();
  const owners = new Map<Owner, Counts>();

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

  const forOwner = (owner: Owner): SharedState => ({
    take: async (key, limit) => take(owner, key, limit),
    give: (key) => give(owner, key),
    count: async (key) => totals.get(key) ?? 0,
  });

  return {
    ...forOwner({}),
    forOwner,
    drop(owner) {
      for (const [key, places] of owners.get(owner) ?? []) lower(totals, key, places);
      owners.delete(owner);
    },
    sizes: () => ({ keys: totals.size, owners: owners.size }),
  };
}
