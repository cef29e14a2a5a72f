// Networks by address: single addresses and CIDR blocks, IPv4 and IPv6, and a fast test whether a host is in one of them.
// An IPv4 client on an IPv6 socket ("::ffff:192.0.2.1") counts as its IPv4 address. Never throws.

import { BlockList, isIP } from "node:net";
import { plainHost } from "./address.ts";
import { custom, list } from "./settings.ts";
import type { Parsed } from "./settings.ts";

export interface Network {
  readonly address: string;
  /** Bits: 0 to 32, or 0 to 128. */
  readonly prefix: number;
  readonly family: "ipv4" | "ipv6";
}

const MAPPED_BITS = 96;

/** Reads "10.0.0.0/8", "2001:db8::/32" or a single address. */
export function parseNetwork(raw: unknown): Parsed<Network> {
  const text = String(raw);
  const wrong = `must be an address or a network such as 10.0.0.0/8 or 2001:db8::/32, not "${text}"`;
  const match = /^([0-9a-f.:]+)(?:\/(\d{1,3}))?$/i.exec(text);
  const written = match?.[1] ?? "";
  const bits = { 4: 32, 6: 128 }[isIP(written)];
  if (bits === undefined) return { problem: wrong };
  const prefix = match?.[2] === undefined ? bits : Number(match[2]);
  if (prefix > bits) return { problem: `the prefix must be 0 to ${bits}, not ${prefix}` };
  const address = plainHost(written);
  if (address === written) return { value: { address, prefix, family: bits === 32 ? "ipv4" : "ipv6" } };
  if (prefix < MAPPED_BITS) return { problem: `write IPv4 networks as IPv4, such as 10.0.0.0/8, not "${text}"` };
  return { value: { address, prefix: prefix - MAPPED_BITS, family: "ipv4" } };
}

/** A setting that holds networks; one may be written without the brackets. */
export function networks(doc: string) {
  const one = custom<Network>("network", "An address or a network such as 10.0.0.0/8", parseNetwork);
  return list(doc, one, { single: true });
}

/** A test whether a host (IPv4 or IPv6 text, with or without zone) is in one of the networks; false for anything else. */
export function networkMatcher(all: readonly Network[]): (host: string) => boolean {
  if (all.length === 0) return () => false;
  const blocks = new BlockList();
  for (const { address, prefix, family } of all) blocks.addSubnet(address, prefix, family);
  return (host) => {
    const plain = plainHost(host);
    const version = isIP(plain);
    return version !== 0 && blocks.check(plain, version === 4 ? "ipv4" : "ipv6");
  };
}
