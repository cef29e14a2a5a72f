// Virtual connections to ncacn_http servers ([MS-RPCH] sections 3.2.3 and 3.2.4): the gateway plays the inbound and the outbound
// proxy. A successor takes over here (IN_R2, OUT_R2) where this process has the channel before it; otherwise it goes to the server by
// itself (IN_R1, OUT_R1), so nodes need not know of each other's. Failure: not-authorized, route-refused; syntax, for a channel that
// is there already, or takes over from none.

import { Failure, type Leg } from "@postern/contracts";
import type { BackendKind, ClientChannel, Opening, RpcHttpParts } from "../parts.ts";
import { rtsPdu } from "../rts/pdus.ts";
import { Connections, type VirtualConnection } from "./connections.ts";
import type { HalfParts } from "./half.ts";
import { among, dialHome, keepNote } from "./home.ts";
import { InProxy } from "./in-proxy.ts";
import { OutProxy } from "./out-proxy.ts";

/** Pings and time-outs are looked at so often. */
const SWEEP_MS = 5000;

type Of<K extends Opening["kind"]> = Extract<Opening, { readonly kind: K }>;

export function createProxyKind(parts: RpcHttpParts): BackendKind {
  const kind = new ProxyKind(parts);
  return {
    take: (channel, opening, _first, legs) => kind.take(channel, opening, legs),
    // Whoever is here stays until they leave: a reload ends nobody.
    close() {},
  };
}

class ProxyKind {
  readonly #parts: RpcHttpParts;
  readonly #connections = new Connections();
  readonly #sweepMs: number;
  #isSweeping = false;

  constructor(parts: RpcHttpParts) {
    this.#parts = parts;
    this.#sweepMs = Math.min(SWEEP_MS, parts.settings.joinTimeout / 2);
  }

  async take(channel: ClientChannel, opening: Opening, legs: readonly Leg[]): Promise<void> {
    const connection = this.#connections.enter(channel.user, opening.connection);
    this.#watch();
    switch (opening.kind) {
      case "conn-b1":
        return await this.#openIn(connection, channel, opening, legs);
      case "in-r-a1":
        return await this.#recycleIn(connection, channel, opening, legs);
      case "conn-a1":
        return await this.#openOut(connection, channel, opening, legs);
      case "out-r-a3":
        return await this.#recycleOut(connection, channel, opening, legs);
    }
  }

  #openIn(connection: VirtualConnection, channel: ClientChannel, opening: Of<"conn-b1">, legs: readonly Leg[]): Promise<void> {
    if (connection.in !== undefined) throw new Failure("syntax", "RTS: a second CONN/B1 of a virtual connection");
    const { connection: cookie, channel: own, group, keepAlive } = opening;
    const { window, connectionTimeout: timeout } = this.#parts.settings;
    const client = channel.session.client.host;
    const hello = rtsPdu("CONN/B2", { connection: cookie, channel: own, window, timeout, group, client });
    return this.#in(connection, channel, opening, legs, hello, "B3W", keepAlive);
  }

  #recycleIn(connection: VirtualConnection, channel: ClientChannel, opening: Of<"in-r-a1">, legs: readonly Leg[]): Promise<void> {
    const { connection: cookie, predecessor, channel: own } = opening;
    this.#mustBeHome(connection, legs);
    if (connection.in !== undefined) return connection.in.succeed(channel, predecessor, own);
    const { window, connectionTimeout: timeout } = this.#parts.settings;
    const hello = rtsPdu("IN_R1/A2", { connection: cookie, predecessor, channel: own, window, timeout });
    return this.#in(connection, channel, opening, legs, hello, "B2W", 0);
  }

  #openOut(connection: VirtualConnection, channel: ClientChannel, opening: Of<"conn-a1">, legs: readonly Leg[]): Promise<void> {
    if (connection.out !== undefined) throw new Failure("syntax", "RTS: a second CONN/A1 of a virtual connection");
    const { window, channelLifetime: lifetime } = this.#parts.settings;
    const hello = rtsPdu("CONN/A2", { connection: opening.connection, channel: opening.channel, lifetime, window });
    return this.#out(connection, channel, opening, legs, hello, "C1W");
  }

  #recycleOut(
    connection: VirtualConnection,
    channel: ClientChannel,
    opening: Of<"out-r-a3">,
    legs: readonly Leg[],
  ): Promise<void> {
    const { connection: cookie, predecessor, channel: own } = opening;
    this.#mustBeHome(connection, legs);
    if (connection.out !== undefined) return connection.out.succeed(channel, predecessor, own, opening.window);
    const { window, channelLifetime: lifetime, connectionTimeout: timeout } = this.#parts.settings;
    const hello = rtsPdu("OUT_R1/A4", { connection: cookie, predecessor, channel: own, lifetime, window, timeout });
    return this.#out(connection, channel, opening, legs, hello, "A11W");
  }

  #in(
    connection: VirtualConnection,
    channel: ClientChannel,
    opening: Opening,
    legs: readonly Leg[],
    hello: Buffer,
    next: "B3W" | "B2W",
    keepAlive: number,
  ): Promise<void> {
    const half: InProxy = new InProxy(
      channel,
      opening.channel,
      this.#halfParts((failure) => this.#connections.left(connection, half, failure)),
    );
    connection.in = half;
    half.keepAlive(keepAlive);
    return half.open(
      dialHome(connection, channel, legs, this.#parts, () => !half.isOver),
      hello,
      next,
    );
  }

  #out(
    connection: VirtualConnection,
    channel: ClientChannel,
    opening: Of<"conn-a1" | "out-r-a3">,
    legs: readonly Leg[],
    hello: Buffer,
    next: "C1W" | "A11W",
  ): Promise<void> {
    const half: OutProxy = new OutProxy(
      channel,
      opening.channel,
      opening.window,
      this.#halfParts((failure) => this.#connections.left(connection, half, failure)),
    );
    connection.out = half;
    return half.open(
      dialHome(connection, channel, legs, this.#parts, () => !half.isOver),
      hello,
      next,
    );
  }

  #halfParts(over: HalfParts["over"]): HalfParts {
    const { settings, clock } = this.#parts;
    return { settings, clock, over };
  }

  /** A successor that asks for another server or port than the channels before it is refused. */
  #mustBeHome({ home }: VirtualConnection, legs: readonly Leg[]): void {
    if (home !== undefined) among(legs, home);
  }

  #watch(): void {
    if (this.#isSweeping || this.#connections.size === 0) return;
    this.#isSweeping = true;
    this.#parts.clock.after(this.#sweepMs, () => this.#sweep());
  }

  #sweep(): void {
    const now = this.#parts.clock.now();
    for (const connection of this.#connections) {
      connection.in?.tick(now);
      connection.out?.tick(now);
      keepNote(connection, now, this.#parts);
    }
    this.#isSweeping = false;
    this.#watch();
  }
}
