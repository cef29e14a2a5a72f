// Tries the candidates of one client in order, until one of them is there; each outcome is evidence for health. Never dials by
// itself. Failure: that of the last candidate, or one for which no other is to be tried; no-candidate without any.

import { Failure, toFailure, type Health, type Leg, type Logger, type Session } from "@postern/contracts";

export interface CandidateParts {
  readonly health: Health;
  readonly logger: Logger;
  readonly session: Session;
}

/**
 * What `attempt` makes of the first leg that is there. It throws where one is not, and a Failure that allows no other (client-gone,
 * say) where nobody waits for one any more.
 */
export async function firstThere<T>(
  legs: readonly Leg[],
  attempt: (leg: Leg) => Promise<T>,
  { health, logger, session }: CandidateParts,
): Promise<T> {
  let last: Failure | undefined;
  for (const leg of health.order(legs)) {
    try {
      const there = await attempt(leg);
      health.succeeded(leg);
      return there;
    } catch (error) {
      last = toFailure(error);
      if (!last.row.tryNext) throw last;
      health.failed(leg, last.message, session.client.host);
      logger.warn("backend failed", { session: session.id, stage: "dial", kind: last.kind, reason: last.message });
    }
  }
  throw last ?? new Failure("no-candidate", "There is no backend to dial");
}
