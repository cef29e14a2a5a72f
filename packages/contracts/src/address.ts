// An IP address and port, or a unix socket, as the gateway speaks of it.

export interface Address {
  /** IPv4 or IPv6 text without brackets or zone; empty for a unix socket. */
  readonly host: string;
  readonly port: number;
}

/** "192.0.2.1:143", "[2001:db8::1]:143", or "unix". */
export function addressText(address: Address): string {
  if (address.host === "") return "unix";
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** Plain IPv4 text for IPv4-mapped IPv6 ("::ffff:192.0.2.1"), anything else unchanged; the zone id is dropped. */
export function plainHost(host: string): string {
  const zone = host.indexOf("%");
  const bare = zone === -1 ? host : host.slice(0, zone);
  return /^::ffff:\d+\.\d+\.\d+\.\d+$/i.test(bare) ? bare.slice(7) : bare;
}

/** Is this one of the machine's own loopback addresses (127.0.0.0/8, ::1) or a unix socket? */
export function isLoopback(host: string): boolean {
  const plain = plainHost(host);
  return plain === "" || plain === "::1" || plain === "localhost" || /^127\.\d+\.\d+\.\d+$/.test(plain);
}
