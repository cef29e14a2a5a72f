// The table in the configuration file: users, domains, patterns, and a default. Users and domains are one Map look-up
// however long the table is; patterns are tried one after the other, most specific first. Never waits for anything.
//
// Order: a user's own entry; then whichever of the user's domain and the matching patterns has the most literal characters
// (a domain counts as `*@domain`, and wins a tie); then the default. Throws Error at build time for a contradictory table.

import { normaliseUser } from "@postern/contracts";
import type { CandidateName, RouteAnswer, RouteSource } from "@postern/contracts";
import { bySpecificity, parsePattern, patternMatches, splitUser } from "@postern/contracts";
import type { Pattern } from "@postern/contracts";

type Names = readonly string[];
type Candidates = readonly CandidateName[];

/** Each value is a list of backend names in order of preference; an empty default means that there is none. */
export interface StaticTable {
  readonly users: Readonly<Record<string, Names>>;
  readonly domains: Readonly<Record<string, Names>>;
  readonly wildcards: Readonly<Record<string, Names>>;
  readonly default: Names;
}

interface WildcardRow {
  readonly pattern: Pattern;
  readonly candidates: Candidates;
}

/** Equal lists become one object, so that a table of 100,000 users stays small. */
function candidateLists(): (key: string, names: Names) => Candidates {
  const seen = new Map<string, Candidates>();
  return (key, names) => {
    if (names.length === 0) throw new Error(`"${key}" has no backend; name at least one`);
    const id = names.join("\0");
    const known = seen.get(id);
    if (known !== undefined) return known;
    const made = Object.freeze(names.map((backend) => Object.freeze({ backend })));
    seen.set(id, made);
    return made;
  };
}

function mapOf(
  what: string,
  table: Readonly<Record<string, Names>>,
  normalise: (key: string) => string | undefined,
  list: (key: string, names: Names) => Candidates,
): Map<string, Candidates> {
  const map = new Map<string, Candidates>();
  for (const [key, names] of Object.entries(table)) {
    const name = normalise(key);
    if (name === undefined) throw new Error(`${what}: ${JSON.stringify(key)} cannot be looked up; check its characters`);
    if (map.has(name)) throw new Error(`${what}: "${name}" is there twice (as ${JSON.stringify(key)}); keep one`);
    map.set(name, list(key, names));
  }
  return map;
}

const normaliseDomain = (key: string): string | undefined => (key.includes("@") ? undefined : normaliseUser(key, undefined));

/**
 * A source over a table. Keys are normalised as user names are; with a default domain, a key without one means a user of
 * it. Without, it matches only a name that came without a domain, so that tenants never share a row.
 */
export function staticSource(table: StaticTable, defaultDomain?: string): RouteSource {
  const list = candidateLists();
  const asUser = (key: string): string | undefined => normaliseUser(key, defaultDomain);
  const users = mapOf("users", table.users, asUser, list);
  const domains = mapOf("domains", table.domains, normaliseDomain, list);
  const wildcards: readonly WildcardRow[] = [...mapOf("wildcards", table.wildcards, asUser, list)]
    .map(([text, candidates]) => ({ pattern: parsePattern(text), candidates }))
    .sort((a, b) => bySpecificity(a.pattern, b.pattern));
  const fallback = table.default.length === 0 ? undefined : list("default", table.default);

  const byShape = (user: string): RouteAnswer | undefined => {
    const { domain } = splitUser(user);
    const ofDomain = domain === undefined ? undefined : domains.get(domain);
    const row = wildcards.find(({ pattern }) => patternMatches(pattern, user));
    if (ofDomain !== undefined && domain !== undefined && (row === undefined || row.pattern.literals <= domain.length + 1)) {
      return { candidates: ofDomain, why: `domain ${domain}` };
    }
    return row === undefined ? undefined : { candidates: row.candidates, why: `wildcard ${row.pattern.text}` };
  };

  const find = (user: string): RouteAnswer | undefined => {
    const own = users.get(user);
    if (own !== undefined) return { candidates: own, why: `users: ${user}` };
    return byShape(user) ?? (fallback === undefined ? undefined : { candidates: fallback, why: "default" });
  };

  return { name: "static", cacheable: true, find: (query) => Promise.resolve(find(query.user)), close() {} };
}
