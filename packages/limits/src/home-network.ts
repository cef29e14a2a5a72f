// Client addresses as limits see them: the network that a person logs in from again, and who is exempt. Never throws: text
// that is no address stands for itself.

import { isIPv4, isIPv6 } from "node:net";
import { ipv6Network, networkMatcher, plainHost, type Network } from "@postern/contracts";

/**
 * The network that a person logs in from again: IPv4 /24, because providers deal out addresses anew, and IPv6 /48, because
 * a site has one (RFC 6177). "192.0.2.0/24", "2001:db8:1::/48", or the text itself when it is no IP address.
 */
export function homeNetwork(host: string): string {
  const plain = plainHost(host);
  if (isIPv4(plain)) return `${plain.slice(0, plain.lastIndexOf("."))}.0/24`;
  return isIPv6(plain) ? ipv6Network(plain, 3) : plain;
}

/** Is a client exempt? One of these networks, or of a unix socket: it has no address (an empty host) to be counted by. */
export function exemption(networks: readonly Network[]): (host: string) => boolean {
  const inNetworks = networkMatcher(networks);
  return (host) => host === "" || inNetworks(host);
}
