// How long an attempt is held back before it is looked at, and how long the no to a guess. Only guesses are slowed; what a
// route source asks for counts for every failure.

import { sleep, type Attempt, type Failure, type FailureKind, type Session } from "@postern/contracts";
import type { House } from "./house.ts";

const GUESSES: ReadonlySet<FailureKind> = new Set([
  "wrong-credentials",
  "unknown-user",
  "not-authorized",
  "route-refused",
  "credentials-expired",
]);

/** Somebody may have guessed at a secret, or at a name. */
export const isGuess = ({ kind }: Pick<Failure, "kind">): boolean => GUESSES.has(kind);

/** Milliseconds from the attempt to its answer, at least. The attempt's secret must not be wiped yet. */
export function slowDown(failure: Failure, attempt: Attempt, house: House, session: Session): number {
  if (!isGuess(failure)) return failure.waitMs;
  const { credentials } = attempt;
  return Math.max(failure.waitMs, house.guard.failed(session.client.host, house.claimedUser(credentials), credentials));
}

/**
 * Waits for as long as the guard says before an attempt for this user is looked at, of which `heldMs` have passed; how many
 * milliseconds that was in all. Failure: too-many-failures.
 */
export async function holdBack(authcid: string, heldMs: number, house: House, session: Session): Promise<number> {
  const waitMs = house.guard.delayBefore(session.client.host, house.claimedUser({ authcid }));
  await sleep(house.clock, waitMs - heldMs);
  return Math.max(waitMs, heldMs);
}
