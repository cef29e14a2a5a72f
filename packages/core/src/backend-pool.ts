// Connections to backends that belong to no client: dialled when needed or ahead of need, greeted once, given back and
// used again. Knows no protocol: `greet` is the protocol's own beginning, and its result travels with the connection.

import type { BackendDialogue, Leg } from "@postern/contracts";
import type { ProxyFacts } from "@postern/net";

/** One connection on loan. Give it back, or drop it, once. */
export interface PooledBackend<T> {
  readonly leg: Leg;
  readonly dialogue: BackendDialogue;
  /** What the protocol learnt when it greeted. */
  readonly state: T;
  /** It served somebody before: that it has died meanwhile is no sign of a dead backend. */
  readonly reused: boolean;
  /** For the next one; only between two complete answers. */
  giveBack(): void;
  /** Hangs up. */
  drop(): void;
}

export interface BackendPool<T> {
  /**
   * A greeted connection. Waits for a place where the leg has all it may have. A leg with a PROXY header gets a connection of
   * its own for this client, which is not used for another. Failure: backend-unreachable, backend-silent, backend-tls, backend-lost,
   * backend-busy (no place in time), and what `greet` throws.
   */
  take(leg: Leg, client: ProxyFacts): Promise<PooledBackend<T>>;
  close(): void;
}
