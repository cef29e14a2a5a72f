// The domains that a reader's program may take for the author's where From is written so that programs disagree: all addresses in
// brackets, what stands behind a bracket, blanks around dots. Text before a bracket is a name, whatever stands in it. RFC 5322
// sections 3.4, 3.6.2 and 4.4. Never throws.

import { domainToASCII } from "node:url";
import { parseHeader, withoutComments } from "@postern/message";

const QUOTED = /"(?:[^"\\]|\\.)*"/g;
const DOMAIN = /@([^\s<>@,;:()"]+)/g;

/** In small letters, as the DNS has it; "" for what is none. */
const asciiOf = (domain: string): string => domainToASCII(domain.replace(/\.+$/, "").toLowerCase());

const domainIn = (address: string): string => asciiOf(address.slice(address.lastIndexOf("@") + 1));

function domainsIn(value: string): string[] {
  // A quote or comment without an end is none.
  const plain = withoutComments(value)?.replace(QUOTED, "q") ?? value;
  return plain.split(/[,;]/).flatMap((part) => {
    const behindName = part.slice(Math.max(0, part.indexOf("<"))).replace(/\s*([.@])\s*/g, "$1");
    return Array.from(behindName.matchAll(DOMAIN), ([, domain = ""]) => asciiOf(domain)).filter((domain) => domain !== "");
  });
}

/** `known`: addresses that were found already; with them an address for each domain more. `from`: the From fields. */
export function allAuthors(known: readonly string[], from: Buffer): readonly string[] {
  const domains = new Set(known.map(domainIn));
  const more = parseHeader(from)
    .all("from")
    .flatMap(domainsIn)
    .filter((domain) => domain.includes(".") && !domains.has(domain));
  return [...known, ...[...new Set(more)].map((domain) => `author@${domain}`)];
}
