// From the names in an NTLM response to a mailbox's user: which domains are ours, and how their users are called.
// Throws an Error that says "domains: sentence" for settings that contradict themselves.

import type { NtlmResponse } from "@postern/contracts";
import type { NtlmSettings } from "./settings.ts";

/** Characters that no account name has, and that winbind could take for the end of a domain ([MS-SAMR] section 3.1.1.8.4). */
const FORBIDDEN = /[\p{Cc}\u2028\u2029\\/"]/u;

export type UserOf = (response: Pick<NtlmResponse, "user" | "domain">) => string | undefined;

/** The user of a response, before normalisation; undefined when the domain is none of ours. */
export function userNames(domains: NtlmSettings["domains"]): UserOf {
  const entries = Object.entries(domains).map(([name, mail]) => [name.toUpperCase(), mail.toLowerCase()] as const);
  const byName = new Map(entries);
  const [first] = entries;
  if (first === undefined) throw new Error("domains: name at least one domain, as in EXAMPLE: example.com");
  if (byName.size < entries.length) throw new Error("domains: a domain is there twice; capitals make no difference");
  const mails = new Set(byName.values());
  return ({ user, domain }) => {
    if (user === "" || FORBIDDEN.test(user) || FORBIDDEN.test(domain)) return undefined;
    const mail = domain === "" ? first[1] : byName.get(domain.toUpperCase());
    const at = user.lastIndexOf("@");
    if (mail === undefined || at === -1) return mail && `${user}@${mail}`;
    return mails.has(user.slice(at + 1).toLowerCase()) ? user : undefined;
  };
}
