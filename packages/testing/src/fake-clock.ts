// A clock that stands still until a test moves it.

import type { Clock, Timer } from "@postern/contracts";

export interface FakeClock extends Clock {
  /**
   * Moves time on. Timers run in order of their time, each at its own; after each one, pending promises are let run, so
   * that timers which they set within the span run too.
   */
  advance(ms: number): Promise<void>;
  /** Timers that wait. */
  readonly pending: number;
}

interface Entry {
  readonly at: number;
  readonly task: () => void;
}

// One turn of the event loop: all promise reactions that are ready have run by then.
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Starts at `start` milliseconds (a fixed day by default, so that no test depends on today). */
export function createFakeClock(start: number = Date.UTC(2026, 0, 1)): FakeClock {
  let now = start;
  const entries = new Set<Entry>();

  const next = (until: number): Entry | undefined => {
    let first: Entry | undefined;
    // A set keeps the order of insertion, so of two at one time the older runs first.
    for (const entry of entries) if (entry.at <= until && (first === undefined || entry.at < first.at)) first = entry;
    return first;
  };

  return {
    now: () => now,
    after(ms: number, task: () => void): Timer {
      const entry = { at: now + Math.max(0, ms), task };
      entries.add(entry);
      return { cancel: () => entries.delete(entry) };
    },
    async advance(ms: number): Promise<void> {
      const until = now + ms;
      await settle();
      for (let entry = next(until); entry !== undefined; entry = next(until)) {
        entries.delete(entry);
        now = entry.at;
        entry.task();
        await settle();
      }
      now = until;
    },
    get pending() {
      return entries.size;
    },
  };
}
