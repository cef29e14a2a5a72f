// Slows down who guesses passwords, and is safe for the guesser's victims. Two counts of new failures: by address (an
// IPv6 /64), which finds who sprays over many users, and by account, which finds who guesses at one from many addresses.
// The larger one doubles the delay. After very many an address is refused; an account never is. A user in a network that
// they logged in from lately does not feel the account's count, and is never refused. docs/limits.md tells it all.
//
// Names and passwords are kept as keyed hashes only. Memory is bounded; the oldest is forgotten first.
// Throws Failure too-many-failures.

import { addressKey, Failure, type Clock, type Credentials, type LoginGuard } from "@postern/contracts";
import { exemption, homeNetwork } from "./home-network.ts";
import { createFingerprint } from "./fingerprint.ts";
import { KnownNetworks } from "./known-networks.ts";
import { failuresToMaxDelay, type LimitSettings } from "./settings.ts";
import { Troubles } from "./troubles.ts";

export interface GuardBounds {
  /** Addresses with failures remembered. */
  readonly addresses: number;
  /** Accounts with failures remembered. */
  readonly accounts: number;
  /** Wrong guesses remembered of one address, and of one account. */
  readonly guesses: number;
  /** Users whose networks are remembered. */
  readonly users: number;
  /** Networks remembered of one user. */
  readonly networks: number;
}

export const GUARD_BOUNDS: GuardBounds = { addresses: 20_000, accounts: 20_000, guesses: 32, users: 50_000, networks: 8 };

export interface MeasuredLoginGuard extends LoginGuard {
  /** How many addresses, accounts, and users with their networks it remembers now. */
  remembered(): Pick<GuardBounds, "addresses" | "accounts" | "users">;
}

/** A no to one of these shows what was guessed; all others are different each time, or nothing. */
const SHOWS_GUESS: ReadonlySet<Credentials["kind"]> = new Set(["password", "token"]);

/**
 * Both waits count from the moment at which the attempt was read, so they overlap: a no is told failed() milliseconds
 * after the attempt, however long the check took.
 */
export function createLoginGuard(
  settings: LimitSettings["login"],
  clock: Clock,
  bounds: GuardBounds = GUARD_BOUNDS,
): MeasuredLoginGuard {
  const { failureDelay, maxDelay, refuseAfter, forget } = settings;
  const fingerprint = createFingerprint();
  const isExempt = exemption(settings.exempt);
  const longest = Math.max(failureDelay, maxDelay);
  const rules = { forget, patience: failuresToMaxDelay(settings) };
  const addresses = new Troubles(clock, rules, { size: bounds.addresses, guesses: bounds.guesses });
  const accounts = new Troubles(clock, rules, { size: bounds.accounts, guesses: bounds.guesses });
  const known = new KnownNetworks(clock, settings.knownGood, bounds);

  const isKnown = (host: string, name: string): boolean => known.has(name, homeNetwork(host));
  const isOutside = (host: string): boolean => failureDelay === 0 || isExempt(host);

  /** The failures that an attempt feels. `name` is the user's fingerprint. */
  function felt(host: string, name: string): number {
    const atAccount = isKnown(host, name) ? 0 : accounts.failures(name);
    return Math.max(addresses.failures(addressKey(host)), atAccount);
  }

  /** Milliseconds from an attempt to its no, after so many failures. */
  const delay = (failures: number): number => (failures < rules.patience ? failureDelay * 2 ** failures : longest);

  /** Who asks for nobody is counted by address only. */
  const nameOf = (user: string): string => (user === "" ? "" : fingerprint("user", user));

  return {
    delayBefore(host, user) {
      if (isOutside(host)) return 0;
      const name = nameOf(user);
      const failures = addresses.failures(addressKey(host));
      if (refuseAfter > 0 && failures >= refuseAfter && !isKnown(host, name))
        throw new Failure("too-many-failures", `${failures} failed logins from ${addressKey(host)}`);
      return delay(felt(host, name)) - failureDelay;
    },
    failed(host, user, { kind, secret }) {
      if (isOutside(host)) return failureDelay;
      const name = nameOf(user);
      const wait = delay(felt(host, name));
      const bytes = secret.reveal();
      const opaque = bytes.length === 0 || !SHOWS_GUESS.has(kind);
      const id = opaque ? fingerprint("proof", user) : fingerprint("secret", user, bytes);
      const address = addressKey(host);
      addresses.add(address, { id, opaque, by: name });
      if (name !== "") accounts.add(name, { id, opaque, by: address });
      return wait;
    },
    succeeded(host, user) {
      if (isOutside(host) || user === "") return;
      const name = nameOf(user);
      const address = addressKey(host);
      accounts.forgive(name, address);
      if (addresses.forgive(address, name) === 0) addresses.help(address, name);
      known.add(name, homeNetwork(host));
    },
    remembered: () => ({ addresses: addresses.size, accounts: accounts.size, users: known.users }),
  };
}
