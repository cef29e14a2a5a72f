// Reads addresses of the envelope (RFC 5321 section 4.1.2, RFC 6531) into one spelling, so that "bob"@EXAMPLE.com and
// bob@example.com are the same mailbox to every table and rule. Never throws; what is no address is undefined.

import { domainToASCII } from "node:url";

export interface Mailbox {
  /** As the client wrote it, but for quotes that it does not need. */
  readonly local: string;
  /** In small letters; labels beyond ASCII as A-labels (RFC 5890). An address literal keeps its brackets. */
  readonly domain: string;
}

const LONGEST = 512;
/** Dots anywhere: some providers hand out such addresses. */
const PLAIN_LOCAL = /^[^\s"(),:;<>@[\\\]\p{C}]+$/u;
const QUOTED_LOCAL = /^"((?:[^"\\\p{C}]|\\[^\p{C}])*)"$/u;
const DOMAIN = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$/;
const LITERAL = /^\[[0-9a-z:.-]+\]$/;

/** A domain in the spelling of the DNS; undefined when it is none. */
export function asciiDomain(domain: string): string | undefined {
  const small = domain.toLowerCase();
  if (DOMAIN.test(small)) return small;
  // Only for names that need it: the function takes numbers for IPv4 addresses.
  const ascii = /[^\0-\x7f]/.test(small) ? domainToASCII(small) : "";
  return DOMAIN.test(ascii) ? ascii : undefined;
}

export function parseMailbox(address: string): Mailbox | undefined {
  const at = address.lastIndexOf("@");
  if (at < 1 || address.length > LONGEST) return undefined;
  const local = plainLocal(address.slice(0, at));
  const written = address.slice(at + 1);
  const domain = LITERAL.test(written.toLowerCase()) ? written.toLowerCase() : asciiDomain(written);
  return local === undefined || domain === undefined ? undefined : { local, domain };
}

/** Without quotes where they are not needed, and with no more backslashes than it takes. */
function plainLocal(local: string): string | undefined {
  if (!local.startsWith('"')) return PLAIN_LOCAL.test(local) ? local : undefined;
  const inner = QUOTED_LOCAL.exec(local)?.[1]?.replaceAll(/\\(.)/gsu, "$1");
  if (inner === undefined || inner === "") return undefined;
  return PLAIN_LOCAL.test(inner) ? inner : `"${inner.replaceAll(/["\\]/g, "\\$&")}"`;
}

export const mailboxText = ({ local, domain }: Mailbox): string => `${local}@${domain}`;

/** The one spelling of an address for look-ups and comparisons: small letters. What is no address is only made small. */
export function sameAddress(address: string): string {
  const mailbox = parseMailbox(address);
  return (mailbox === undefined ? address : mailboxText(mailbox)).toLowerCase();
}

/**
 * Does the local part say by itself where to go on (user%elsewhere, host!user, "user@elsewhere")? A backend that trusts us
 * might relay it there.
 */
export const routesItself = ({ local }: Mailbox): boolean => /[@%!]/.test(local);
