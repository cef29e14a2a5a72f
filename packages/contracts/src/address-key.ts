// Client addresses as they are counted. An IPv6 client owns a /64 at least, so a /64 counts as one address (RFC 6177);
// IPv4-mapped IPv6 counts as the IPv4 address that it is. Never throws: text that is no address is a key by itself.

import { isIPv6 } from "node:net";
import { plainHost } from "./address.ts";

/** The eight groups of an IPv6 address, in any spelling but with a zone. */
export function ipv6Groups(host: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(host);
  if (dotted !== null) {
    const [a = 0, b = 0, c = 0, d = 0] = dotted.slice(2).map(Number);
    return ipv6Groups(`${dotted[1]}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`);
  }
  const [head = "", tail] = host.split("::");
  const numbers = (text: string): number[] => (text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16)));
  if (tail === undefined) return numbers(head);
  const [before, after] = [numbers(head), numbers(tail)];
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
}

/** The IPv6 network of so many groups: "2001:db8:1::/48" of three. */
export function ipv6Network(host: string, size: number): string {
  const network = ipv6Groups(host)
    .slice(0, size)
    .map((group) => group.toString(16));
  return `${network.join(":")}::/${size * 16}`;
}

/** What an address counts as: "192.0.2.1", "2001:db8:0:1::/64", or the text itself when it is no IP address. */
export function addressKey(host: string): string {
  const plain = plainHost(host);
  return plain.includes(":") && isIPv6(plain) ? ipv6Network(plain, 4) : plain;
}
