// What an envelope address stands for, before anybody is asked: one spelling, rewriting, is the domain ours?, plus
// addressing. Throws Failure: not-authorized (relaying), unknown-user (no address at all).

import { Failure } from "@postern/contracts";
import { domainTable } from "./domain-table.ts";
import { asciiDomain, mailboxText, parseMailbox, routesItself, type Mailbox } from "./mailbox.ts";
import type { MailSettings } from "./mail-settings.ts";
import { createRewriter } from "./rewrite.ts";

export interface Resolved {
  /** What the backend is told. */
  readonly deliverTo: string;
  /** By what the backend is found: without the detail, its domain as mail.domains spells it. */
  readonly routeAs: string;
  /** Of deliverTo, in the spelling of the DNS. */
  readonly domain: string;
}

export interface AddressBook {
  /** Failure: not-authorized, unknown-user. */
  resolve(address: string): Resolved;
  /** An address that rewriting has nothing to do with: the aim of a catch-all. Failure: as above. */
  own(address: string): Resolved;
}

export type AddressSettings = Pick<MailSettings, "domains" | "rewrite" | "plusAddressing" | "postmaster">;

/** The postmaster that a bare "postmaster" means; undefined when there is no domain to be at. */
export function postmasterOf({ postmaster, domains }: Pick<MailSettings, "domains" | "postmaster">): string | undefined {
  const domain = domains.find((one) => !one.startsWith("*"));
  return postmaster ?? (domain === undefined ? undefined : `postmaster@${domain}`);
}

/** Is a domain, in any spelling, one of those whose mail is taken? */
export function ownDomains({ domains }: Pick<MailSettings, "domains">): (domain: string) => boolean {
  const ours = domainTable(domains.map((domain) => [domain, domain] as const));
  return (domain) => ours.get(asciiDomain(domain) ?? "") !== undefined;
}

export function createAddressBook(settings: AddressSettings): AddressBook {
  const ours = domainTable(settings.domains.map((domain) => [domain, domain] as const));
  const rewritten = createRewriter(settings.rewrite);
  const postmaster = postmasterOf(settings);

  const read = (address: string, of = address): Mailbox => {
    const mailbox = parseMailbox(address);
    if (mailbox === undefined) throw new Failure("unknown-user", `${JSON.stringify(of)} is no address`);
    if (routesItself(mailbox)) throw relaying(`${JSON.stringify(of)} says itself where to go on`);
    return mailbox;
  };
  const toOurs = (mailbox: Mailbox): Resolved => {
    const spelling = ours.get(mailbox.domain);
    if (spelling === undefined) throw relaying(`${mailbox.domain} is none of mail.domains`);
    const domain = spelling.startsWith("*") ? mailbox.domain : spelling;
    return {
      deliverTo: mailboxText(mailbox),
      routeAs: `${withoutDetail(mailbox.local, settings.plusAddressing)}@${domain}`,
      domain: mailbox.domain,
    };
  };
  return {
    resolve(address) {
      const meant = /^postmaster$/i.test(address) ? (postmaster ?? address) : address;
      const mailbox = read(meant);
      const other = rewritten(mailbox);
      return toOurs(other === undefined ? mailbox : read(other, address));
    },
    own: (address) => toOurs(read(address)),
  };
}

const relaying = (reason: string): Failure => new Failure("not-authorized", reason, { said: { text: "Relaying denied" } });

/**
 * "alice+news" is "alice"; a quoted part, and one that begins with the character, is left alone. In FAX=+41441234567 the
 * plus belongs to the number (RFC 3191).
 */
function withoutDetail(local: string, separator: string): string {
  const at = separator === "" || local.startsWith('"') ? -1 : local.indexOf(separator);
  return at < 1 || local[at - 1] === "=" ? local : local.slice(0, at);
}
