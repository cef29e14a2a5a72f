// Slows down who guesses passwords. Every new failure from an address (an IPv6 /64) doubles the delay of its next logins
// up to a maximum; a success takes one failure back; a quiet time forgets them all. Repeating the same wrong password for
// the same user adds nothing: that is an app with an old password. Nobody is locked out, and nothing is kept per user, so
// an attacker cannot slow down a victim elsewhere.
//
// Passwords are remembered as HMAC-SHA256 under a random key of this process, truncated. Memory is bounded: so many
// addresses, so many passwords of each; the oldest are forgotten first. Never throws.

import { createHmac, randomBytes } from "node:crypto";
import type { Clock, Credentials, LoginGuard } from "@postern/contracts";
import { addressKey, exemption } from "./address-key.ts";
import type { LimitSettings } from "./settings.ts";

/** Bytes of a remembered hash: two passwords of one address meet by chance once in 2^72. */
const HASH_BYTES = 9;

/** Every delay has reached its maximum by then; 2^failures stays a finite number. */
const MAX_DOUBLINGS = 30;

export interface GuardBounds {
  /** Addresses remembered. */
  readonly addresses: number;
  /** Wrong passwords remembered of one address. */
  readonly passwords: number;
}

export const GUARD_BOUNDS: GuardBounds = { addresses: 20_000, passwords: 32 };

interface Trouble {
  /** New failures, less the successes since. */
  failures: number;
  /** When the last new failure was, milliseconds of the clock. */
  lastAt: number;
  /** Hashes of wrong passwords, oldest first. */
  readonly tried: Set<string>;
}

export interface MeasuredLoginGuard extends LoginGuard {
  /** How many addresses it remembers now. */
  addresses(): number;
}

/**
 * Both waits count from the moment at which the attempt was read, so they overlap: a no is told failed() milliseconds
 * after the attempt, however long the check took.
 */
export function createLoginGuard(
  settings: LimitSettings["login"],
  clock: Clock,
  bounds: GuardBounds = GUARD_BOUNDS,
): MeasuredLoginGuard {
  const key = randomBytes(32);
  const exempt = exemption(settings.exempt);
  // In the order of the last new failure: the first is the one to forget.
  const troubles = new Map<string, Trouble>();

  const over = (trouble: Trouble): boolean => clock.now() - trouble.lastAt >= settings.forget;

  function troubleOf(host: string): Trouble | undefined {
    const trouble = troubles.get(addressKey(host));
    return trouble === undefined || over(trouble) ? undefined : trouble;
  }

  function delay(failures: number): number {
    const doubled = settings.failureDelay * 2 ** Math.min(failures, MAX_DOUBLINGS);
    return Math.min(doubled, Math.max(settings.maxDelay, settings.failureDelay));
  }

  function forgetOld(): void {
    for (const [address, trouble] of troubles) {
      if (troubles.size <= bounds.addresses && !over(trouble)) return;
      troubles.delete(address);
    }
  }

  /** undefined for an empty secret: it was wiped, or never there, and says nothing about sameness. */
  function hashOf(user: string, { secret }: Credentials): string | undefined {
    const bytes = secret.reveal();
    if (bytes.length === 0) return undefined;
    const hmac = createHmac("sha256", key).update(`${user.length}:${user}`).update(bytes);
    return hmac.digest().subarray(0, HASH_BYTES).toString("base64");
  }

  function remember(tried: Set<string>, hash: string | undefined): void {
    if (hash === undefined) return;
    tried.add(hash);
    const [oldest] = tried;
    if (tried.size > bounds.passwords && oldest !== undefined) tried.delete(oldest);
  }

  /** Moves the address to the end of the order, with one failure more. */
  function add(host: string, trouble: Trouble): void {
    const address = addressKey(host);
    trouble.failures += 1;
    trouble.lastAt = clock.now();
    troubles.delete(address);
    troubles.set(address, trouble);
    forgetOld();
  }

  return {
    delayBefore(host) {
      return delay(troubleOf(host)?.failures ?? 0) - settings.failureDelay;
    },
    failed(host, user, credentials) {
      const trouble = troubleOf(host) ?? { failures: 0, lastAt: 0, tried: new Set<string>() };
      const wait = delay(trouble.failures);
      if (exempt(host)) return wait;
      const hash = hashOf(user, credentials);
      if (hash !== undefined && trouble.tried.has(hash)) return wait;
      remember(trouble.tried, hash);
      add(host, trouble);
      return wait;
    },
    succeeded(host) {
      const trouble = troubleOf(host);
      if (trouble !== undefined) trouble.failures = Math.max(0, trouble.failures - 1);
    },
    addresses: () => troubles.size,
  };
}
