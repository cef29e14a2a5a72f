// Client addresses as limits count them, and lists of networks. An IPv6 client owns a /64 at least, so a /64 counts as one
// address (RFC 6177); IPv4-mapped IPv6 counts as the IPv4 address that it is. Never throws: text that is no address is
// a key by itself and in no network.

import { BlockList, isIP, isIPv4, isIPv6 } from "node:net";
import { plainHost, type Parsed } from "@postern/contracts";

export interface Network {
  readonly address: string;
  /** Bits of the prefix. */
  readonly prefix: number;
  readonly family: "ipv4" | "ipv6";
}

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

/** Plain IPv4 text when it is an IPv4-mapped address in any spelling, else undefined (RFC 4291 section 2.5.5.2). */
function mapped(all: readonly number[]): string | undefined {
  const [high = 0, low = 0] = all.slice(6);
  if (all[5] !== 0xffff || all.slice(0, 5).some((group) => group !== 0)) return undefined;
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}

/** What an address counts as: "192.0.2.1", "2001:db8:0:1::/64", or the text itself when it is no IP address. */
export function addressKey(host: string): string {
  const plain = plainHost(host);
  if (!isIPv6(plain)) return plain;
  const all = groups(plain);
  const network = all.slice(0, 4).map((group) => group.toString(16));
  return mapped(all) ?? `${network.join(":")}::/64`;
}

/** Reads "10.0.0.0/8", "2001:db8::/32", or one address. */
export function parseNetwork(raw: unknown): Parsed<Network> {
  const text = String(raw);
  const match = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text);
  const address = match?.[1] ?? "";
  const widest = isIPv4(address) ? 32 : 128;
  const prefix = Number(match?.[2] ?? widest);
  if (isIP(address) === 0 || address.includes("%") || prefix > widest)
    return { problem: `must be a network such as 10.0.0.0/8, 2001:db8::/32 or one address, not "${text}"` };
  const v4 = isIPv6(address) ? mapped(groups(address)) : undefined;
  if (v4 !== undefined) return { problem: `must be written as IPv4, such as ${v4}, not "${text}"` };
  return { value: { address, prefix, family: widest === 32 ? "ipv4" : "ipv6" } };
}

/** Is an address in one of the networks? A unix socket (an empty host) has no address and is in every list. */
export function inNetworks(networks: readonly Network[]): (host: string) => boolean {
  const list = new BlockList();
  for (const { address, prefix, family } of networks) list.addSubnet(address, prefix, family);
  return (host) => {
    const plain = plainHost(host);
    if (plain === "") return true;
    if (isIPv4(plain)) return list.check(plain, "ipv4");
    if (!isIPv6(plain)) return false;
    const v4 = mapped(groups(plain));
    return v4 === undefined ? list.check(plain, "ipv6") : list.check(v4, "ipv4");
  };
}
