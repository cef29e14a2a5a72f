// How many, and how fast.

import type { Credentials } from "./credentials.ts";

/** A place taken under a limit; give it back once. */
export interface Place {
  release(): void;
}

export interface ConnectionLimits {
  /** Takes a place for a connection. Failure: too-many-connections, too-many-from-address (IPv6 by /64). */
  connection(host: string): Promise<Place>;
  /** Takes a place for a logged-in session. Failure: too-many-of-user. */
  user(user: string): Promise<Place>;
}

/**
 * Slows down who guesses, by address and by account. `user` is whose secret the client claims to have, normalised; "" when
 * that is no name. Names and secrets are kept only as keyed hashes.
 */
export interface LoginGuard {
  /** Milliseconds to wait before this attempt is looked at. Failure too-many-failures: it is not looked at at all. */
  delayBefore(host: string, user: string): number;
  /** Milliseconds to wait before the client is told no. A repeat of the same wrong password for the same user adds nothing. */
  failed(host: string, user: string, credentials: Credentials): number;
  succeeded(host: string, user: string): void;
}
