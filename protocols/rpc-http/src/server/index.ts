// Virtual connections to plain TCP RPC servers ([MS-RPCH]): the gateway plays both proxies and the server. Each is one object, in one
// worker of one node; a channel that comes elsewhere is passed on to it (join/). They are found by user and cookie: nobody joins
// another's. Failure: syntax, too-many-of-user; no-candidate, when the node that has it cannot be reached.

import { Failure } from "@postern/contracts";
import { createJoin, type Arrival } from "../join/index.ts";
import type { BackendKind, Opening, RpcHttpParts } from "../parts.ts";
import { VirtualConnection } from "./virtual-connection.ts";

/** Pings, time-outs and claims are looked at so often. */
const SWEEP_MS = 5000;

export function createServerKind(parts: RpcHttpParts): BackendKind {
  const { clock, settings } = parts;
  const connections = new Map<string, VirtualConnection>();
  const ofUser = new Map<string, number>();
  const sweepMs = Math.min(SWEEP_MS, settings.joinTimeout / 2);
  let isSweeping = false;
  let isClosed = false;

  const join = createJoin(parts, serve);

  async function serve(arrival: Arrival, mayPassOn: boolean): Promise<void> {
    const { id, channel, opening, legs } = arrival;
    if (!connections.has(id) && mayPassOn && (await join.toWorker(arrival))) return;
    const connection = connections.get(id) ?? open(id, channel.user, opening);
    await connection.take(channel, opening, legs);
  }

  function open(id: string, user: string, { kind }: Opening): VirtualConnection {
    if (kind !== "conn-a1" && kind !== "conn-b1")
      throw new Failure("syntax", "A channel takes over in a virtual connection that is not there");
    const others = ofUser.get(user) ?? 0;
    if (others >= settings.connectionsPerUser) throw new Failure("too-many-of-user", `${others} virtual connections of ${user}`);
    ofUser.set(user, others + 1);
    const connection = new VirtualConnection(parts, () => {
      connections.delete(id);
      if (isClosed && connections.size === 0) join.close();
      const left = (ofUser.get(user) ?? 0) - 1;
      if (left > 0) ofUser.set(user, left);
      else ofUser.delete(user);
    });
    connections.set(id, connection);
    if (!isSweeping) watch();
    return connection;
  }

  function watch(): void {
    isSweeping = connections.size > 0;
    if (isSweeping) clock.after(sweepMs, sweep);
  }

  function sweep(): void {
    const now = clock.now();
    for (const connection of connections.values()) connection.tick(now);
    join.keep(connections.keys(), now);
    watch();
  }

  return {
    async take(channel, opening, first, legs) {
      const arrival = { id: join.idOf(channel.user, opening.connection), channel, opening, first, legs };
      if (!(await join.toNode(arrival))) await serve(arrival, true);
    },
    // Whoever is here stays until they leave, and their successors find them: a reload ends nobody.
    close() {
      isClosed = true;
      join.closeToNodes();
      if (connections.size === 0) join.close();
    },
  };
}
