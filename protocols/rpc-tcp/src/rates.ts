// How many connections a client or a user makes in a minute, in all workers. Failure: too-many-from-address, too-many-of-user.

import { addressKey, Failure, type FailureKind, type SharedState } from "@postern/contracts";
import type { RpcTcpSettings } from "./settings.ts";

export interface Rates {
  /** One more connection of a client. */
  readonly address: (host: string) => Promise<void>;
  /** One more login of a user. */
  readonly user: (user: string) => Promise<void>;
}

const WINDOW_MS = 60_000;

export function createRates(
  { perAddress, perUser }: RpcTcpSettings["connectionRate"],
  state: Pick<SharedState, "hit">,
  isExempt: (host: string) => boolean,
): Rates {
  const count = async (key: string, limit: number, kind: FailureKind, whose: string): Promise<void> => {
    if (limit > 0 && (await state.hit(`rpc-rate:${key}`, WINDOW_MS)) > limit)
      throw new Failure(kind, `${limit} RPC connections ${whose} in a minute`);
  };
  return {
    async address(host) {
      const address = addressKey(host);
      // A unix socket has no address to be counted by.
      if (host !== "" && !isExempt(host))
        await count(`address:${address}`, perAddress, "too-many-from-address", `from ${address}`);
    },
    user: (user) => count(`user:${user}`, perUser, "too-many-of-user", `of ${JSON.stringify(user)}`),
  };
}
