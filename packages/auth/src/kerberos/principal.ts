// From a Kerberos principal to the user's name (RFC 1964 section 2.1.1): by the map, or by its realm. A principal with more
// than one part (host/mail.example.com, WELLKNOWN/ANONYMOUS) or with an escaped character is nobody, unless the map names
// it: "bob\@example.com@EXAMPLE.COM" must not become somebody else. Never throws.

/** In `realms`: the name stays without a domain, and gets defaultDomain like every other. */
export const BARE = "-";

export interface PrincipalRules {
  /** Mail domains by realm; empty: any realm, in lower case, is its own domain. */
  readonly realms: Readonly<Record<string, string>>;
  /** Users by principal. */
  readonly map: Readonly<Record<string, string>>;
}

/** What normalisation would cut or what was no UTF-8 does not pass either. */
const SIMPLE = /^([^\\/@\s\ufffd]+)@([^\\/@\s\ufffd]+)$/;

/** The user, before normalisation; undefined: nobody. */
export function userOf(principal: string, { realms, map }: PrincipalRules): string | undefined {
  if (Object.hasOwn(map, principal)) return map[principal];
  const [, name, realm] = SIMPLE.exec(principal) ?? [];
  if (name === undefined || realm === undefined) return undefined;
  if (Object.keys(realms).length === 0) return `${name}@${realm.toLowerCase()}`;
  if (!Object.hasOwn(realms, realm)) return undefined;
  return realms[realm] === BARE ? name : `${name}@${realms[realm]}`;
}
