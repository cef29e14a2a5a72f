// Client addresses as limits count them. An IPv6 client owns a /64 at least, so a /64 counts as one address (RFC 6177);
// IPv4-mapped IPv6 counts as the IPv4 address that it is. Never throws: text that is no address is a key by itself.

import { isIPv4, isIPv6 } from "node:net";
import { networkMatcher, plainHost, type Network } from "@postern/contracts";

/** The eight groups of an IPv6 address. */
function groups(host: string): number[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(host);
  if (dotted !== null) {
    const [a = 0, b = 0, c = 0, d = 0] = dotted.slice(2).map(Number);
    return groups(`${dotted[1]}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`);
  }
  const [head = "", tail] = host.split("::");
  const numbers = (text: string): number[] => (text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16)));
  if (tail === undefined) return numbers(head);
  const [before, after] = [numbers(head), numbers(tail)];
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
}

/** The IPv6 network of so many groups: "2001:db8:1::/48" of three. */
function networkOf(host: string, size: number): string {
  const network = groups(host)
    .slice(0, size)
    .map((group) => group.toString(16));
  return `${network.join(":")}::/${size * 16}`;
}

/** What an address counts as: "192.0.2.1", "2001:db8:0:1::/64", or the text itself when it is no IP address. */
export function addressKey(host: string): string {
  const plain = plainHost(host);
  return isIPv6(plain) ? networkOf(plain, 4) : plain;
}

/**
 * The network that a person logs in from again: IPv4 /24, because providers deal out addresses anew, and IPv6 /48, because
 * a site has one (RFC 6177). "192.0.2.0/24", "2001:db8:1::/48", or the text itself when it is no IP address.
 */
export function homeNetwork(host: string): string {
  const plain = plainHost(host);
  if (isIPv4(plain)) return `${plain.slice(0, plain.lastIndexOf("."))}.0/24`;
  return isIPv6(plain) ? networkOf(plain, 3) : plain;
}

/** Is a client exempt? One of these networks, or of a unix socket: it has no address (an empty host) to be counted by. */
export function exemption(networks: readonly Network[]): (host: string) => boolean {
  const inNetworks = networkMatcher(networks);
  return (host) => host === "" || inNetworks(host);
}
