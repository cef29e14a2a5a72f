// Who is looked at: a client with an address that is no gateway of ours; and its address, network and name in the DNS. Never
// throws: text that is no address stands for itself.

import { isIP } from "node:net";
import { addressKey, ipv6Groups, plainHost, type MailFilter, type MailVisit } from "@postern/contracts";

export const hostOf = (visit: MailVisit): string => plainHost(visit.session.client.host);

/** A unix socket has no address, and is not open to strangers. */
export const isStranger = (visit: MailVisit): boolean => !visit.trusted && hostOf(visit) !== "";

/** Takes a stranger's fields of this name out of the header: they are ours to write. */
export const removeStrangers =
  (name: string): NonNullable<MailFilter["header"]> =>
  ({ visit, edits }, header) => {
    if (isStranger(visit) && header.count(name) > 0) edits.push({ do: "remove", name });
    return undefined;
  };

/** The 32 hexadecimal digits of an IPv6 address. */
const digits = (host: string): string =>
  ipv6Groups(host)
    .map((group) => group.toString(16).padStart(4, "0"))
    .join("");

/** One text for each address, whatever its spelling; the text itself when it is none. */
function canonical(host: string): string {
  const plain = plainHost(host);
  return isIP(plain) === 6 ? digits(plain) : plain;
}

export const sameAddress = (one: string, other: string): boolean => canonical(one) === canonical(other);

/** The /24 of an IPv4 address, the /64 of an IPv6 address: senders with several machines come from one of these. */
export function networkKey(host: string): string {
  const plain = plainHost(host);
  return isIP(plain) === 4 ? `${plain.slice(0, plain.lastIndexOf("."))}.0/24` : addressKey(plain);
}

/** The address as the DNS has it before a zone (RFC 1035 section 3.5, RFC 3596 section 2.5): bytes or digits from the last. */
export function reversed(host: string): string {
  const plain = plainHost(host);
  return (isIP(plain) === 6 ? digits(plain).split("") : plain.split(".")).toReversed().join(".");
}

export function reverseName(host: string): string {
  return `${reversed(host)}.${isIP(plainHost(host)) === 6 ? "ip6.arpa" : "in-addr.arpa"}`;
}
