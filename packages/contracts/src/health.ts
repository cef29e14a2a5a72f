// Which backend may be dialled: probes and what real dials saw, in one view.

import type { Leg } from "./route.ts";

export type HealthState = "up" | "down" | "unknown";

export interface HealthFacts {
  readonly state: HealthState;
  /** Since when, milliseconds of the wall clock. */
  readonly since: number;
  /** The last evidence in words: "connected in 2 ms", "connection refused". */
  readonly evidence: string;
  /** What the backend offers, as the last probe that asked heard it (LineProtocol.features); undefined: never heard. */
  readonly features?: readonly string[];
}

export interface Health {
  facts(leg: Leg): HealthFacts;
  /** Candidates in the order in which to dial: those not known to be down first, otherwise as given. */
  order(legs: readonly Leg[]): readonly Leg[];
  /** A real dial reached the backend's greeting. */
  succeeded(leg: Leg): void;
  /** A real dial failed; `client` is the client's host, so that one client alone cannot mark a backend down. */
  failed(leg: Leg, reason: string, client: string): void;
}
