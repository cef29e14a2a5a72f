// Which backends serve a client, best first: those of the array whose address the client connected to, in the order of a
// rendezvous hash of the client's address, so that all nodes send a client to the same one. Never throws.

import { addressKey, ipv6Groups, plainHost, type Leg, type Session } from "@postern/contracts";
import type { RpcTcpSettings } from "./settings.ts";

/** How much a backend is a client's; the highest is its first choice (packages/routing: rendezvousHash). */
export type Rank = (backend: string, client: string) => number;

/** What a client counts as: an IPv6 /64 is one. */
export const clientKey = ({ client }: Pick<Session, "client">): string => addressKey(client.host);

/** undefined: no array is for this client. */
export type FindLegs = (session: Pick<Session, "client" | "local">) => readonly Leg[] | undefined;

export function createArrays(arrays: RpcTcpSettings["arrays"], legs: ReadonlyMap<string, Leg>, rank: Rank): FindLegs {
  const table = new Map<string, readonly Leg[]>();
  let others: readonly Leg[] | undefined = Object.keys(arrays).length === 0 ? [...legs.values()] : undefined;
  for (const { addresses, backends } of Object.values(arrays)) {
    const members = backends.flatMap((name) => legs.get(name) ?? []);
    if (addresses.length === 0) others = members;
    for (const address of addresses) table.set(addressForm(address), members);
  }
  return (session) => {
    const client = clientKey(session);
    const members = table.get(addressForm(session.local.host)) ?? others;
    const ranked = members?.map((leg) => ({ leg, score: rank(leg.backend, client) }));
    return ranked?.toSorted((one, other) => other.score - one.score).map(({ leg }) => leg);
  };
}

/** One text for each address. */
export function addressForm(host: string): string {
  const plain = plainHost(host).toLowerCase();
  return plain.includes(":") ? ipv6Groups(plain).join(":") : plain;
}
