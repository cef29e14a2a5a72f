// Settings of the verifier that asks a directory, and what in them contradicts itself. Throws Error "KEY: sentence".

import { isLoopback, setting, type ValueOf } from "@postern/contracts";
import { parseDnTemplate } from "./dn.ts";
import { parseLdapUrl } from "./endpoint.ts";
import { parseFilter, type FilterTemplate } from "./filter.ts";
import { SCOPES } from "./messages.ts";
import { mixesDomains, namesLocal, type Names } from "./template.ts";

// Constants of their own: inside the group's literal their types would lose that they are optional.
const bindDn = setting.text("As whom to search, or to compare. Without it nobody in particular searches (anonymous).", {
  optional: true,
});
const bindPasswordFile = setting.path<true>("File whose first line is the password of bindDn.", { optional: true });
const base = setting.text("Below which entry users are searched: dc=example,dc=com.", { optional: true });
const dnTemplate = setting.text(
  "The name of a user's entry, instead of a search: uid={local},ou=people,dc=example,dc=com. Nobody is unknown then: no other verifier is asked.",
  { optional: true },
);
const userAttribute = setting.text(
  "The attribute with the user's name as the gateway is to know it, such as mail. Without it the name stays as it was typed, though a directory takes several spellings for the same.",
  { optional: true, pattern: /^[A-Za-z][A-Za-z0-9-]*$/, like: "the name of an attribute" },
);

export const ldapSettings = setting.group("A directory that is asked over LDAP whether a password is right", {
  url: setting.list(
    "Directory servers: ldap://, ldaps:// or ldapi://; asked in order.",
    setting.custom("URL", "A directory server.", parseLdapUrl),
    { single: true },
  ),
  startTls: setting.boolean("Change to TLS on ldap:// before anything else is said.", { default: false }),
  tls: setting.group("TLS to the servers.", {
    ca: setting.path<true>("PEM file of the authorities to trust instead of the system's.", { optional: true }),
    verify: setting.boolean("Check the server's certificate; turn it off only to test.", { default: true }),
  }),
  bindDn,
  bindPasswordFile,
  base,
  scope: setting.choice("How far below the base: base itself, one level, or all.", SCOPES, { default: "sub" }),
  filter: setting.text(
    "How a user's entry is found; {user} is the whole name, {local} and {domain} its parts. Without userAttribute, a filter with {local} but not {domain} finds users of the default domain only.",
    { default: "(mail={user})" },
  ),
  dnTemplate,
  method: setting.choice(
    "How the password is checked: by a bind as the user, or by comparing an attribute.",
    ["bind", "compare"],
    {
      default: "bind",
    },
  ),
  compareAttribute: setting.text("The attribute that is compared.", {
    default: "userPassword",
    pattern: /^[A-Za-z][A-Za-z0-9;.-]*$/,
    like: "the name of an attribute",
  }),
  userAttribute,
  timeout: setting.duration("How long one server may take for a whole check before the next one is asked.", {
    default: 5000,
    min: 100,
    max: 60_000,
  }),
  setAside: setting.duration("How long a server that failed is asked last.", { default: 10_000, max: 3_600_000 }),
  connections: setting.integer("How many connections to one server to search, and as many to check, in each worker.", {
    default: 8,
    min: 1,
    max: 256,
  }),
});

export type LdapSettings = ValueOf<typeof ldapSettings>;

/** How a user's entry is found. */
export type Locator =
  | { readonly kind: "search"; readonly base: string; readonly filter: FilterTemplate }
  | { readonly kind: "template"; readonly dn: (names: Names) => string | undefined };

export interface Where {
  readonly locator: Locator;
  /** Only users of the default domain may be found: the domain of a name is not looked at. */
  readonly ownDomainOnly: boolean;
}

function parsed<T>(key: string, text: string, parse: (text: string) => T): T {
  if (!namesLocal(text)) throw new Error(`${key}: has neither {user} nor {local}, so that all users would be one; put one in`);
  try {
    return parse(text);
  } catch (error) {
    throw new Error(`${key}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** Reads filter and dnTemplate. */
export function locatorOf(settings: LdapSettings): Where {
  const { base: below, filter, dnTemplate: template, userAttribute: attribute } = settings;
  if (template !== undefined) {
    const dn = parsed("dnTemplate", template, parseDnTemplate);
    return { locator: { kind: "template", dn }, ownDomainOnly: mixesDomains(template) };
  }
  if (below === undefined) throw new Error("base: say below which entry users are searched, or set dnTemplate");
  const locator = { kind: "search", base: below, filter: parsed("filter", filter, parseFilter) } as const;
  return { locator, ownDomainOnly: attribute === undefined && mixesDomains(filter) };
}

/** Refuses what contradicts itself, and passwords in clear. */
export function checkLdapSettings(settings: LdapSettings): void {
  const { url, startTls, bindDn: dn, bindPasswordFile: file, method } = settings;
  if (url.length === 0) throw new Error("url: name at least one server");
  const notPlain = url.find(({ secure, socketPath }) => secure || socketPath !== undefined);
  if (startTls && notPlain !== undefined) throw new Error(`startTls: is for ldap:// only, not ${notPlain.label}; leave it out`);
  const open = url.find(({ secure, host }) => !secure && !isLoopback(host));
  if (!startTls && open !== undefined)
    throw new Error(`url: ${open.label} would get passwords in clear; use ldaps://, or set startTls: true`);
  if (dn !== undefined && file === undefined) throw new Error("bindPasswordFile: is missing for bindDn");
  if (dn === undefined && file !== undefined) throw new Error("bindDn: is missing for bindPasswordFile");
  checkTemplate(settings);
  if (method === "bind" && settings.dnTemplate !== undefined && dn !== undefined)
    throw new Error("bindDn: has nothing to do with dnTemplate and method bind; leave it out");
}

function checkTemplate({ dnTemplate: template, base: below, userAttribute: attribute }: LdapSettings): void {
  if (template === undefined) return;
  if (below !== undefined) throw new Error("dnTemplate: takes the place of a search; leave out base, or dnTemplate");
  if (attribute !== undefined) throw new Error("userAttribute: is read by a search; leave it out, or dnTemplate");
}
