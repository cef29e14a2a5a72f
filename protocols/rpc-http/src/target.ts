// Which server and port a request asks for ([MS-RPCH] section 2.2.2), and which leg that is. Names are never looked up: they choose
// among what is configured, so that the gateway is no way into the network behind it. Failure: route-refused, no-candidate.

import { bracketHost, Failure, type Leg } from "@postern/contracts";
import type { RpcHttpParts } from "./parts.ts";

export interface Target {
  /** In small letters. */
  readonly server: string;
  readonly port: number;
}

const TARGET = /^\/rpc(?:withcert)?\/rpcproxy\.dll\?([\x21-\x7e]{1,1023}):(\d{1,6})$/i;
/** A mailbox, by its GUID or its address. */
const MAILBOX = /^[^@]+@[^@]+$/;
const NAME = /[^\w.@:[\]-]/g;
const END_POINT_MAPPER = 593;
const STORE = 6001;

export function targetOf(target: string): Target {
  const match = TARGET.exec(target);
  // Some clients write the "@" of a mailbox so.
  const server = match?.[1]?.replaceAll(/%40/gi, "@").toLowerCase();
  if (server === undefined) throw refused("a target that is not /rpc/rpcproxy.dll?SERVER:PORT");
  return { server, port: Number(match?.[2]) };
}

/** The legs to try, all of one kind, with the port to dial. `legs`: the user's. */
export function legsFor(
  target: Target,
  legs: readonly Leg[],
  parts: Pick<RpcHttpParts, "hostname" | "settings" | "legs">,
): readonly Leg[] {
  const { server, port } = target;
  const { settings } = parts;
  if (!settings.ports.includes(port)) throw refused(`port ${port} is not one of rpc-http.ports`);
  const asked = [...legs, ...parts.legs.values()].find((leg) => isOf(leg, server));
  if (asked === undefined && !isForAll(server, parts))
    throw refused(`the server ${server.replaceAll(NAME, "?").slice(0, 100)} is no backend, and not one of rpc-http.servers`);
  const ordered = asked === undefined ? legs : [asked, ...legs.filter(({ backend }) => backend !== asked.backend)];
  const [first] = ordered;
  if (first === undefined) throw new Failure("no-candidate", "None of the user's backends is an RPC server");
  // The channels of one virtual connection must meet: a backend of the other kind could not join them.
  const ofKind = ordered.filter(({ scheme }) => scheme === first.scheme);
  return ofKind.map((leg) => ({ ...leg, port: portOf(leg, port, settings.tcpPorts) }));
}

const isOf = (leg: Leg, server: string): boolean =>
  leg.backend.toLowerCase() === server || bracketHost(leg.host).toLowerCase() === server;

/** It leads to the user's own backend. */
function isForAll(server: string, { hostname, settings }: Pick<RpcHttpParts, "hostname" | "settings">): boolean {
  if (MAILBOX.test(server) || server === hostname.toLowerCase()) return true;
  return settings.servers.some((name) => name === "*" || name.toLowerCase() === server);
}

function portOf(leg: Leg, port: number, tcpPorts: Readonly<Record<string, number>>): number {
  if (leg.scheme === "ncacn_http") return port;
  const own = tcpPorts[String(port)];
  if (own !== undefined) return own;
  if (port === END_POINT_MAPPER) return 135;
  if (port === STORE) return leg.port;
  throw refused(`port ${port} is none of a plain TCP backend; add it to rpc-http.tcpPorts`);
}

const refused = (why: string): Failure => new Failure("route-refused", `RPC: ${why}`);
