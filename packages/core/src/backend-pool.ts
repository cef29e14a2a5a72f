// Connections to backends that belong to no client: dialled when needed or ahead of need, greeted once, given back and
// used again. Knows no protocol: `greet` is the protocol's own beginning, and its result travels with the connection.
// How one leg's connections are kept is in backend-pool-leg.ts.

import type { BackendDialogue, Clock, Health, Leg } from "@postern/contracts";
import type { ProxyFacts, ReadLimits, TraceLine } from "@postern/net";
import { LegPool } from "./backend-pool-leg.ts";

/** One connection on loan. It is given back, left or dropped, once. */
export interface PooledBackend<T> {
  readonly leg: Leg;
  readonly dialogue: BackendDialogue;
  /** What the protocol learnt when it greeted. */
  readonly state: T;
  /** It waited in the pool: that it has died meanwhile is no sign of a dead backend. */
  readonly reused: boolean;
  /** Fails the present read and all later ones after `ms` with backend-silent. Replaces an earlier deadline; 0 removes it. */
  deadline(ms: number, reason: string): void;
  /** For the next one; only between two complete answers. */
  giveBack(): void;
  /** Says goodbye: nobody else is to have it. Only between two complete answers. */
  leave(): void;
  /** Hangs up. */
  drop(): void;
}

export interface BackendPool<T> {
  /**
   * A greeted connection. Waits for a place where the leg has all it may have. A leg with a PROXY header gets a connection of
   * its own for this client, which is not used for another. `trace` hears the dialogue while it is on loan. Failure:
   * backend-unreachable, backend-silent, backend-tls, backend-lost, backend-busy (no place in time), and what `greet` throws.
   */
  take(leg: Leg, client: ProxyFacts, trace?: TraceLine): Promise<PooledBackend<T>>;
  /** Hangs up on those that wait. Nothing is kept or dialled ahead any more; who still takes one gets a new one of its own. */
  close(): void;
}

export interface PoolSettings {
  /** The most at one time to one leg. */
  readonly perBackend: number;
  /** An unused one is closed after so many milliseconds; 0: nothing is used twice. */
  readonly idle: number;
  /** How many wait, greeted, for the next one, once a leg has been used. */
  readonly ahead: number;
  /** Milliseconds that somebody waits for a place. */
  readonly wait: number;
}

export interface BackendPoolParts<T> {
  /** The protocol's beginning on a new connection, up to where anybody may use it. */
  readonly greet: (backend: BackendDialogue, leg: Leg) => Promise<T>;
  /** The protocol's goodbye to a backend that nobody wants now; no answer is awaited. */
  readonly leave: (backend: BackendDialogue) => void;
  /** Of a backend's lines. */
  readonly limits: ReadLimits;
  readonly clock: Clock;
  readonly health: Health;
  readonly settings: PoolSettings;
}

export function createBackendPool<T>(parts: BackendPoolParts<T>): BackendPool<T> {
  const legs = new Map<string, LegPool<T>>();
  const keys = new WeakMap<Leg, string>();
  let isOpen = true;

  const poolOf = (leg: Leg): LegPool<T> => {
    const key = keys.get(leg) ?? connectionKey(leg);
    keys.set(leg, key);
    const known = legs.get(key);
    if (known !== undefined) return known;
    const made = new LegPool(leg, parts, () => legs.delete(key));
    if (!isOpen) made.close();
    legs.set(key, made);
    return made;
  };

  return {
    take: (leg, client, trace) => poolOf(leg).take(client, trace),
    close() {
      isOpen = false;
      for (const pool of legs.values()) pool.close();
    },
  };
}

/** All that makes a connection what it is: a route source may name one address with and without TLS. */
export function connectionKey({ backend, protocol, scheme, host, port, tls, ca, verify, serverName, proxyHeader }: Leg): string {
  return JSON.stringify([backend, protocol, scheme, host, port, tls, ca, verify, serverName, proxyHeader]);
}
