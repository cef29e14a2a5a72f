// Where users have logged in from lately. Only logins add to it, so nobody can fill it without an account, and one user
// cannot push out the networks of another but by logging in as many users. Keys are opaque text. Never throws.

import type { Clock } from "@postern/contracts";

export interface NetworkBounds {
  /** Users remembered; who has not logged in for longest is forgotten first. */
  readonly users: number;
  /** Networks of each, likewise. */
  readonly networks: number;
}

export class KnownNetworks {
  readonly #clock: Clock;
  readonly #lifetime: number;
  readonly #bounds: NetworkBounds;
  /** By user, then by network: when the last login was. Both oldest first. */
  readonly #users = new Map<string, Map<string, number>>();

  /** `lifetime` in milliseconds since the last login; 0: none is ever known. */
  constructor(clock: Clock, lifetime: number, bounds: NetworkBounds) {
    this.#clock = clock;
    this.#lifetime = lifetime;
    this.#bounds = bounds;
  }

  get users(): number {
    return this.#users.size;
  }

  add(user: string, network: string): void {
    if (this.#lifetime === 0) return;
    const networks = this.#users.get(user) ?? new Map<string, number>();
    touch(networks, network, this.#clock.now(), this.#bounds.networks);
    touch(this.#users, user, networks, this.#bounds.users);
  }

  has(user: string, network: string): boolean {
    const at = this.#users.get(user)?.get(network);
    return at !== undefined && this.#clock.now() - at < this.#lifetime;
  }
}

/** Puts it at the end of the map; one above the bound, the oldest goes. */
function touch<T>(map: Map<string, T>, key: string, value: T, bound: number): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > bound && oldest !== undefined) map.delete(oldest);
}
