// An IP address and port, or a unix socket, as the gateway speaks of it.

import { isIPv6, SocketAddress } from "node:net";

export interface Address {
  /** IPv4 or IPv6 text without brackets or zone; empty for a unix socket. */
  readonly host: string;
  readonly port: number;
}

/** A host as it stands before a port, or in a URL: IPv6 in brackets. */
export const bracketHost = (host: string): string => (host.includes(":") ? `[${host}]` : host);

/** "192.0.2.1:143", "[2001:db8::1]:143", or "unix". */
export function addressText({ host, port }: Address): string {
  return host === "" ? "unix" : `${bracketHost(host)}:${port}`;
}

/**
 * Plain IPv4 text for IPv4-mapped IPv6 in any spelling ("::ffff:192.0.2.1", "::ffff:c000:201"; RFC 4291 section 2.5.5.2),
 * anything else unchanged; the zone id is dropped.
 */
export function plainHost(host: string): string {
  // Asked several times for each session: IPv4 text, names and unix sockets need no look.
  if (!host.includes(":")) return host;
  const zone = host.indexOf("%");
  const bare = zone === -1 ? host : host.slice(0, zone);
  if (!/^[0:]+:ffff:/i.test(bare) || !isIPv6(bare)) return bare;
  return /^::ffff:([\d.]+)$/i.exec(new SocketAddress({ address: bare, family: "ipv6" }).address)?.[1] ?? bare;
}

/** Is this one of the machine's own loopback addresses (127.0.0.0/8, ::1) or a unix socket? */
export function isLoopback(host: string): boolean {
  const plain = plainHost(host);
  return plain === "" || plain === "::1" || plain === "localhost" || /^127\.\d+\.\d+\.\d+$/.test(plain);
}
