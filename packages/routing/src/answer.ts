// What the sources that ask somebody else share: an answer that may say how long it lives, and an address that was
// checked. Throws Failure source-down.

import { Failure } from "@postern/contracts";
import type { AddressCandidate, LegTls, RouteAnswer } from "@postern/contracts";
import { shown } from "@postern/lookup";

/** An answer that says itself how long it may be remembered, milliseconds. Zero: not at all. */
export interface TimedAnswer extends RouteAnswer {
  readonly ttlMs?: number;
}

/** How an address that belongs to no configured backend is reached. */
export interface AddressPolicy {
  readonly tls: LegTls;
  readonly allowPlaintext: boolean;
}

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i;

/** A candidate by address: an IPv4 or IPv6 address (with or without brackets) or a host name, and a port of 1 to 65535. */
export function addressCandidate(host: string, port: string | number, policy: AddressPolicy): AddressCandidate {
  const bare = host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
  const isHost = bare.includes(":")
    ? /^[0-9a-f:.]{2,45}$/i.test(bare) && URL.canParse(`http://[${bare}]/`)
    : HOST_NAME.test(bare);
  if (!isHost) throw new Failure("source-down", `sent ${shown(host)}, which is no address and no host name`);
  const number = /^\d{1,5}$/.test(String(port)) ? Number(port) : 0;
  if (number < 1 || number > 65535) throw new Failure("source-down", `sent ${shown(port)}, which is no port`);
  const { tls, allowPlaintext } = policy;
  return { host: bare, port: number, ...(tls !== "none" && { tls }), ...(allowPlaintext && { allowPlaintext }) };
}
