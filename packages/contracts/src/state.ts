// What workers and nodes share. In memory for one process; through the primary for its workers; Valkey or Redis for an
// array of nodes (a later part). Everything in it may be lost without losing mail or letting anybody in.

export interface SharedState {
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
