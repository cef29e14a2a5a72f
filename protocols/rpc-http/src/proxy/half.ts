// What the two proxies of a virtual connection have in common: what they are given, the channels that clients hold, and how the time
// is kept. Never throws.

import type { Clock, Failure } from "@postern/contracts";
import type { ClientChannel } from "../parts.ts";
import type { RpcHttpSettings } from "../settings.ts";
import type { LegListener, ServerLeg } from "../server-leg.ts";

/** What a proxy needs. */
export interface HalfParts {
  readonly settings: RpcHttpSettings;
  readonly clock: Clock;
  /** Told once. Without a failure: it has done all that it was for. */
  over(failure: Failure | undefined): void;
}

/** Connects to the server. Rejects with a Failure. */
export type Dial = (listener: LegListener) => Promise<ServerLeg>;

/** A client's channel as a proxy holds it. */
export class Held {
  readonly channel: ClientChannel;
  readonly cookie: string;
  /** Settles when the channel is over. */
  readonly settled: Promise<void>;
  readonly #settle: () => void;

  constructor(channel: ClientChannel, cookie: string) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.channel = channel;
    this.cookie = cookie;
    this.settled = promise;
    this.#settle = resolve;
  }

  /** The channel was lost: it has told already. */
  lost(): void {
    this.#settle();
  }

  leave(failure?: Failure): void {
    this.channel.leave(failure);
    this.#settle();
  }
}
