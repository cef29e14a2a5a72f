// Waiting for a condition, never for a time.

import { setTimeout as wait } from "node:timers/promises";

/** The longest pause between two looks. The first ones are shorter: most of what is waited for is there at once. */
const PAUSE_MS = 20;

/** Looks again and again until there is something; rejects after `ms` with what `missing` says. */
export async function until<T>(
  look: () => T | undefined | Promise<T | undefined>,
  missing: () => string,
  ms = 10_000,
): Promise<NonNullable<T>> {
  const over = Date.now() + ms;
  for (let pause = 1; ; pause = Math.min(pause + 1, PAUSE_MS)) {
    const found = await look();
    if (found !== undefined && found !== null) return found;
    if (Date.now() > over) throw new Error(`Not within ${ms} ms: ${missing()}`);
    await wait(pause);
  }
}
