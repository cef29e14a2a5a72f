// What workers and nodes share. In memory for one process; through the primary for its workers; Valkey or Redis for an
// array of nodes (a later part). Everything in it may be lost without losing mail or letting anybody in.

/** How many hold something at the same time. */
export interface SharedPlaces {
  /**
   * Takes one place under `key` unless `limit` places are taken. True when taken. Places of an owner (worker) that dies
   * are given back by the state itself.
   */
  take(key: string, limit: number): Promise<boolean>;
  /** Gives a place back. */
  give(key: string): void;
  /** How many places are taken. */
  count(key: string): Promise<number>;
}

export interface SharedState extends SharedPlaces {
  /**
   * Counts one more under `key`; how many there are now, with this one. The count ends `windowMs` after its first, and the
   * next one begins anew. 0: cannot be counted now.
   */
  hit(key: string, windowMs: number): Promise<number>;
  /**
   * Sets a mark under `key`, or keeps the one that is there, for `ttlMs` from now on. Milliseconds since it was first set:
   * 0 for a new one. undefined: cannot be kept now.
   */
  remember(key: string, ttlMs: number): Promise<number | undefined>;
  /** Milliseconds since the mark was first set; undefined: there is none, or it cannot be told now. */
  recall(key: string): Promise<number | undefined>;
  /**
   * Notes `value` under `key`, or keeps the one that is there, for `ttlMs` from now on. The one that is there: who came first.
   * undefined: cannot be kept now.
   */
  claim(key: string, value: string, ttlMs: number): Promise<string | undefined>;
  /** The value that is noted under `key`, which ends no later for that. undefined: there is none, or it cannot be told now. */
  claimed(key: string): Promise<string | undefined>;
}
