// The connections to all backends: one pool for each leg that is in use (leg-pool.ts), forgotten when nothing is left of it.

import type { Clock, Health, Leg, Logger } from "@postern/contracts";
import { connectionKey } from "@postern/core";
import type { HeadLimits } from "@postern/http";
import type { Backs } from "../backends.ts";
import type { HttpsSettings } from "../settings.ts";
import { LegPool } from "./leg-pool.ts";
import { Watch } from "./watch.ts";

export interface BacksParts {
  readonly clock: Clock;
  readonly health: Health;
  readonly logger: Logger;
  readonly settings: HttpsSettings["pool"];
  /** Of answers. */
  readonly limits?: HeadLimits;
}

/** A backend's word is believed further than a client's. */
const LIMITS: HeadLimits = { maxHead: 256 * 1024, maxFields: 1000, maxTarget: 0 };

export function createBacks(parts: BacksParts): Backs {
  const { clock, logger, limits = LIMITS } = parts;
  const wireParts = { limits, logger, watch: new Watch(clock) };
  const pools = new Map<string, LegPool>();
  const keys = new WeakMap<Leg, string>();
  let isOpen = true;

  const keyOf = (leg: Leg): string => {
    const known = keys.get(leg);
    if (known !== undefined) return known;
    const key = connectionKey(leg);
    keys.set(leg, key);
    return key;
  };

  const poolOf = (leg: Leg): LegPool => {
    const key = keyOf(leg);
    const known = pools.get(key);
    if (known !== undefined) return known;
    const made = new LegPool(leg, parts, wireParts, () => {
      if (pools.get(key) === made) pools.delete(key);
    });
    if (!isOpen) made.close();
    pools.set(key, made);
    return made;
  };

  return {
    take: (leg, session, isFresh, answer) => poolOf(leg).take(leg, session, isFresh, answer),
    close() {
      isOpen = false;
      for (const pool of pools.values()) pool.close();
    },
  };
}
