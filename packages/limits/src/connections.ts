// How many connections: in all, per client address, per user. The places are in the shared state, so all workers count
// together. Throws Failure too-many-connections, too-many-from-address, too-many-of-user, and nothing else of its own.

import { addressKey, Failure, type ConnectionLimits, type FailureKind, type Place, type SharedPlaces } from "@postern/contracts";
import { exemption } from "./home-network.ts";
import type { LimitSettings } from "./settings.ts";

/** One limit that must have room: its key in the shared state, and what to say when it has none. */
interface Want {
  readonly key: string;
  readonly limit: number;
  readonly kind: FailureKind;
  readonly whose: string;
}

function place(state: SharedPlaces, keys: readonly string[]): Place {
  let held = keys;
  return {
    release() {
      for (const key of held) state.give(key);
      held = [];
    },
  };
}

/** Takes all wanted places or none. A limit of 0 is none. */
async function takeAll(state: SharedPlaces, wants: readonly Want[]): Promise<Place> {
  const taken: string[] = [];
  try {
    for (const { key, limit, kind, whose } of wants) {
      if (limit === 0) continue;
      if (!(await state.take(key, limit))) throw new Failure(kind, `${limit} connections ${whose}`);
      taken.push(key);
    }
  } catch (error) {
    place(state, taken).release();
    throw error;
  }
  return place(state, taken);
}

/**
 * Limits over a shared state. Places outlive a reload: new settings make new limits over the same state. release() may
 * be called more than once.
 */
export function createConnectionLimits(settings: LimitSettings["connections"], state: SharedPlaces): ConnectionLimits {
  const exempt = exemption(settings.exempt);

  return {
    // The address comes first: a flood from one address must not take the others' places, not even for a moment.
    connection(host) {
      const address = addressKey(host);
      const total: Want = { key: "connections", limit: settings.total, kind: "too-many-connections", whose: "in all" };
      const perAddress: Want = {
        key: `address:${address}`,
        limit: settings.perAddress,
        kind: "too-many-from-address",
        whose: `from ${address}`,
      };
      return takeAll(state, exempt(host) ? [total] : [perAddress, total]);
    },
    user(user) {
      const whose = `of ${JSON.stringify(user)}`;
      return takeAll(state, [{ key: `user:${user}`, limit: settings.perUser, kind: "too-many-of-user", whose }]);
    },
  };
}
