// How long the no to a guess is held back. Only guesses are slowed; what a route source asks for counts for every failure.

import { type Attempt, type Failure, type FailureKind, type Session } from "@postern/contracts";
import type { House } from "./house.ts";

const GUESSES: ReadonlySet<FailureKind> = new Set([
  "wrong-credentials",
  "unknown-user",
  "not-authorized",
  "route-refused",
  "credentials-expired",
]);

/** Milliseconds from the attempt to its answer, at least. The attempt's secret must not be wiped yet. */
export function slowDown(failure: Failure, attempt: Attempt, house: House, session: Session): number {
  if (!GUESSES.has(failure.kind)) return failure.waitMs;
  const { credentials } = attempt;
  return Math.max(failure.waitMs, house.guard.failed(session.client.host, house.claimedUser(credentials), credentials));
}
