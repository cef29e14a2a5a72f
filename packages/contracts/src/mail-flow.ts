// Where a recipient's mail goes: accepted domains, rewriting and catch-all before the route sources. Built by packages/mailflow.

import type { Leg, Route } from "./route.ts";
import type { Session } from "./session.ts";

/** A recipient and the backends that may take its mail. */
export interface RoutedRecipient {
  readonly deliverTo: string;
  readonly routeAs: string;
  readonly route: Route;
}

export interface RecipientRouter {
  /**
   * Failure: not-authorized (a domain that is not ours: relaying), unknown-user (nobody of that name), source-down,
   * no-candidate, and what a source refuses. `redirect`: the backend that a rule has chosen; the address must be ours all
   * the same. `routeAs`: found by this address instead.
   */
  find(
    address: string,
    session: Session | undefined,
    by?: { readonly redirect?: string; readonly routeAs?: string },
  ): Promise<RoutedRecipient>;
  /** The legs of a backend by its name. Failure: no-candidate. */
  legsOf(backend: string): readonly Leg[];
}
