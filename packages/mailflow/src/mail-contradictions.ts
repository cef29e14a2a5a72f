// What the table of `mail` alone cannot see. Items that are broken are undefined, and were told already. Never throws.

import type { Contradiction, Network } from "@postern/contracts";
import { domainTable } from "./domain-table.ts";
import { isDomainOrParent, type MailSettings } from "./mail-settings.ts";
import { asciiDomain, parseMailbox, sameAddress } from "./mailbox.ts";
import { sidesOf, type Rewriting } from "./rewrite.ts";

/** Is a domain, *.domain or the domain of an address among the accepted ones? */
export function acceptance(domains: readonly (string | undefined)[]): (domain: string) => boolean {
  const table = domainTable(domains.filter((domain) => domain !== undefined).map((domain) => [domain, true] as const));
  // What is below a domain is ours when any name there is.
  return (domain) => table.get(asciiDomain(domain.replace(/^\*\./, "x.")) ?? "") ?? false;
}

const notOurs = (domain: string): string =>
  `${domain} is none of mail.domains; add it there, or choose an address in one of them`;

/** Empty when all is well. */
export function mailContradictions(mail: MailSettings): readonly Contradiction[] {
  const domains: readonly (string | undefined)[] = mail.domains;
  const isOurs = acceptance(domains);
  const aim = (key: string, address: string | undefined): Contradiction[] => {
    const domain = address === undefined ? undefined : parseMailbox(address)?.domain;
    return domain === undefined || isOurs(domain) ? [] : [{ key, problem: notOurs(domain) }];
  };
  return [
    ...repeated(domains.map((one) => one && (asciiDomain(one) ?? one))).map((index) => ({
      key: `domains[${index}]`,
      problem: `"${domains[index]}" is there twice; keep one`,
    })),
    ...everybody(mail.trusted),
    ...rewriteContradictions(mail.rewrite, isOurs),
    ...Object.entries(mail.catchAll).flatMap(([domain, address]) => {
      const key = `catchAll.${domain}`;
      if (!isDomainOrParent(domain)) return [{ key, problem: `"${domain}" is no domain; write example.com or *.example.com` }];
      if (!isOurs(domain))
        return [{ key, problem: `${domain} is none of mail.domains, so no mail for it is taken; add it there` }];
      return aim(key, address);
    }),
    ...aim("postmaster", mail.postmaster),
    ...(mail.postmaster === undefined && domains.length > 0 && domains.every((one) => one?.startsWith("*"))
      ? [{ key: "postmaster", problem: "is missing, and no domain of mail.domains stands by itself; give an address" }]
      : []),
  ];
}

function everybody(trusted: readonly (Network | undefined)[]): Contradiction[] {
  const at = trusted.findIndex((network) => network?.prefix === 0);
  return at === -1
    ? []
    : [
        {
          key: `trusted[${at}]`,
          problem: "is every address there is, so that whatever strangers claim is believed; name the relays",
        },
      ];
}

function rewriteContradictions(all: readonly (Rewriting | undefined)[], isOurs: (domain: string) => boolean): Contradiction[] {
  const found = all.flatMap((one, index): Contradiction[] => {
    if (one === undefined) return [];
    const [from, to] = [sidesOf(one.from), sidesOf(one.to)];
    const key = `rewrite[${index}].to`;
    const stray = (["local", "domain"] as const).find((side) => to[side].star && !from[side].star);
    if (stray !== undefined)
      return [{ key, problem: `has * where ${one.from} has none; * must stand on the same side of the @ in both` }];
    const { before, star, behind } = to.domain;
    // Where * stands for a label, any will do to ask.
    const domain = star ? `${before}x${behind}` : before;
    return isOurs(domain) ? [] : [{ key, problem: notOurs(to.domain.star ? `${before}*${behind}` : domain) }];
  });
  const again = repeated(all.map((one) => one && sameAddress(one.from.replace(/^@/, "*@"))));
  return [
    ...found,
    ...again.map((index) => ({ key: `rewrite[${index}].from`, problem: "is there twice; keep the first, which wins" })),
  ];
}

/** The places of what was there before. */
export function repeated(all: readonly (string | undefined)[]): readonly number[] {
  return all.flatMap((one, index) => (one !== undefined && all.indexOf(one) < index ? [index] : []));
}
