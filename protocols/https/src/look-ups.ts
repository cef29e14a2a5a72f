// Strangers may ask for any name, and each name that is new is a question to the route sources. An address that has asked for
// very many names that nobody knows is not looked up for any more until some time has passed, unless the gateway has checked who
// asks. Memory is bounded. Failure: too-many-from-address, and what a look-up throws.

import { addressKey, Failure, toFailure, type Clock, type Identity, type Session } from "@postern/contracts";
import { createRates } from "./devices/rates.ts";

export interface LookUps {
  /** Looks up by `find`; a name that nobody knows is counted. */
  count<T>(session: Pick<Session, "client">, identity: Identity | undefined, find: () => Promise<T>): Promise<T>;
}

/** In each worker. Networks that share an address among many people come nowhere near. */
const UNKNOWN_PER_MINUTE = 600;

export function createLookUps(clock: Clock, perMinute: number = UNKNOWN_PER_MINUTE): LookUps {
  const rates = createRates(clock);
  return {
    async count(session, identity, find) {
      if (identity?.proven === true) return find();
      const address = addressKey(session.client.host);
      const waitMs = rates.look(address, perMinute);
      if (waitMs > 0)
        throw new Failure("too-many-from-address", `${address} has asked for too many names that nobody knows`, { waitMs });
      try {
        return await find();
      } catch (error) {
        if (toFailure(error).kind === "unknown-user") rates.take(address, perMinute);
        throw error;
      }
    },
  };
}
