// Where the channels of a virtual connection go: all of them to one server, whichever node they come to, for only there they meet.
// The first that reaches a server notes it in what nodes share; who finds another one noted goes there. It also says whose the
// connection is. Where nothing can be noted, this process alone remembers. Failure: not-authorized, route-refused; of a dial.

import { createHmac } from "node:crypto";
import type { Socket } from "node:net";
import { Failure, type Leg, type Session } from "@postern/contracts";
import { firstThere, reach } from "@postern/core";
import type { ClientChannel, RpcHttpParts } from "../parts.ts";
import type { VirtualConnection } from "./connections.ts";
import type { Dial } from "./half.ts";
import { ServerLeg, type LegRules } from "../server-leg.ts";

/** A note lasts so long, and is renewed after half of it. */
const NOTE_MS = 3_600_000;

/** RTS PDUs are under no window: so much of them may wait. */
const RULES: LegRules = { mayGreet: true, maxUnsent: 1024 * 1024 };

interface Reached {
  readonly leg: Leg;
  readonly socket: Socket;
}

/** The dial for one channel. `isWanted`: somebody still waits for it. */
export function dialHome(
  connection: VirtualConnection,
  { session }: ClientChannel,
  legs: readonly Leg[],
  parts: RpcHttpParts,
  isWanted: () => boolean,
): Dial {
  const there = (of: readonly Leg[]): Promise<Reached> =>
    firstThere(of, (leg) => reached(leg, session, parts, isWanted), { ...parts, session });
  return async (listener) => {
    const home = connection.home;
    const first = await there(home === undefined ? legs : [among(legs, home)]);
    const found = await atHome(first, await agree(connection, first, legs, parts), there);
    session.backend = found.leg.backend;
    session.backendAddress = { host: found.leg.host, port: found.leg.port };
    return new ServerLeg(found.socket, found.leg, listener, RULES);
  };
}

/** The leg that leads to the same server. Failure: route-refused. */
export function among(legs: readonly Leg[], home: Leg): Leg {
  const leg = legs.find((one) => isSame(one, home));
  if (leg === undefined)
    throw new Failure("route-refused", `RPC: the virtual connection is at ${home.backend}, port ${home.port}`);
  return leg;
}

/** Renews the note where that is due. */
export function keepNote(connection: VirtualConnection, now: number, parts: RpcHttpParts): void {
  const { home } = connection;
  if (home !== undefined && now - connection.toldAt >= NOTE_MS / 2) void note(connection, home, parts);
}

async function reached(leg: Leg, session: Session, { clock }: RpcHttpParts, isWanted: () => boolean): Promise<Reached> {
  const client = { source: session.client, destination: session.local, tls: undefined };
  if (!isWanted()) throw new Failure("client-gone", "The client left before the server was there");
  return { leg, socket: await reach(leg, { clock, client }) };
}

/** What was reached, or the server that was agreed upon in its place. */
async function atHome(first: Reached, agreed: Leg, there: (of: readonly Leg[]) => Promise<Reached>): Promise<Reached> {
  if (isSame(agreed, first.leg)) return first;
  first.socket.destroy();
  return await there([agreed]);
}

/** Where all channels go. A server that was reached for nothing is left. */
async function agree(
  connection: VirtualConnection,
  { leg, socket }: Reached,
  legs: readonly Leg[],
  parts: RpcHttpParts,
): Promise<Leg> {
  try {
    connection.home = among(legs, await homeOf(connection, leg, parts));
    return connection.home;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function homeOf(connection: VirtualConnection, leg: Leg, parts: RpcHttpParts): Promise<Leg> {
  const noted = await note(connection, leg, parts);
  const [owner, backend, port] = noted ?? textsOf(connection, leg, parts);
  if (owner !== ownerOf(connection, parts)) throw new Failure("not-authorized", "The virtual connection is somebody else's");
  return connection.home ?? { ...leg, backend: backend ?? "", port: Number(port) };
}

/** What stands there then; undefined: it cannot be told. */
async function note(connection: VirtualConnection, leg: Leg, parts: RpcHttpParts): Promise<readonly string[] | undefined> {
  connection.toldAt = parts.clock.now();
  const key = `rpc-http:home:${digest(connection.cookie, parts)}`;
  const noted = await parts.state.claim(key, JSON.stringify(textsOf(connection, leg, parts)), NOTE_MS);
  // Only gateways write it.
  return noted === undefined ? undefined : (JSON.parse(noted) as string[]);
}

const textsOf = (connection: VirtualConnection, { backend, port }: Leg, parts: RpcHttpParts): readonly string[] => [
  ownerOf(connection, parts),
  backend,
  String(port),
];

const ownerOf = ({ user }: VirtualConnection, parts: RpcHttpParts): string => digest(user, parts);

/** What the secret makes of other texts elsewhere is never the same. */
const digest = (text: string, { secret }: RpcHttpParts): string =>
  createHmac("sha256", secret).update("rpc-http home\0").update(text).digest("hex").slice(0, 32);

const isSame = (one: Leg, other: Leg): boolean => one.backend === other.backend && one.port === other.port;
