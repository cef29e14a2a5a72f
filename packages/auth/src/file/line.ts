// One line of a password file:
//   user:{SCHEME}hash                          as `postern passwd` writes it; without {SCHEME}, a hash that begins with $
//   user:{SCHEME}hash:nt=… scram-sha-256=…     columns: what other mechanisms need
//   user:{SCHEME}hash:uid:gid:gecos:home:shell:nt=…   a line of Dovecot's passwd-file; its own fields are passed over
// A password in clear is refused. Never throws: what is wrong is a sentence that shows nothing secret.

import { normaliseUser } from "@postern/contracts";
import { quoted } from "../quoted.ts";
import { SCHEMES, schemeOf } from "./schemes.ts";

const LONGEST = 4096;
const COLUMNS = ["nt", "scram-sha-256", "scram-sha-1"] as const;
type Column = (typeof COLUMNS)[number];

/** What is known of one user. `password` is what a password is checked against: a hash, or SCRAM keys. */
export type Account = { readonly [K in Column | "password"]?: string };

export type ParsedLine = { readonly user: string; readonly account: Account } | { readonly problem: string };

interface Bad {
  readonly problem: string;
}
type Parsed<T> = T | Bad;

const bad = (problem: string): Bad => ({ problem });
const isBad = (value: object): value is Bad => "problem" in value;

const CLEAR = new Set(["PLAIN", "CLEAR", "CLEARTEXT", "PLAIN-TRUNC"]);
/** How many of Dovecot's own fields stand between the hash and the columns: uid, gid, gecos, home, shell. */
const DOVECOT_FIELDS = 5;

/** undefined for a comment and an empty line. */
export function parseLine(text: string, defaultDomain: string | undefined): ParsedLine | undefined {
  const line = text.trim();
  if (line === "" || line.startsWith("#")) return undefined;
  if (line.length > LONGEST) return bad(`the line has more than ${LONGEST} characters`);
  const [name = "", hash, ...rest] = line.split(":");
  if (hash === undefined) return bad("the line must be user:{SCHEME}hash");
  const user = normaliseUser(name, defaultDomain);
  if (user === undefined) return bad(`${quoted(name)} is not a user name`);
  const account = accountOf(hash, rest);
  return isBad(account) ? bad(`${quoted(user)}: ${account.problem}`) : { user, account };
}

function accountOf(field: string, rest: readonly string[]): Parsed<Account> {
  const hash = field === "" ? {} : hashOf(field);
  if (isBad(hash)) return hash;
  const columns = columnsOf(rest[0]?.includes("=") === true ? rest.join(":") : rest.slice(DOVECOT_FIELDS).join(":"));
  if (isBad(columns)) return columns;
  const twice = COLUMNS.find((column) => column in hash && column in columns);
  if (twice !== undefined) return bad(`${twice} is there twice`);
  const known: Account = { ...columns, ...hash };
  const password = known.password ?? known["scram-sha-256"] ?? known["scram-sha-1"];
  if (password !== undefined) return { ...known, password };
  return known.nt === undefined ? bad("there is neither a hash nor a column") : known;
}

/** The second field. Keys of SCRAM there are the same as the column. */
function hashOf(field: string): Parsed<Account> {
  const [, given, rest = field] = /^\{([^}]*)\}(.*)$/.exec(field) ?? [];
  const prefix = given?.toUpperCase();
  if (prefix !== undefined && CLEAR.has(prefix))
    return bad(`a password in clear ({${prefix}}) is refused; make a hash of it with: postern passwd USER`);
  const scheme = SCHEMES.find((each) => each.prefix === prefix);
  if (prefix !== undefined && prefix !== "CRYPT" && scheme === undefined) return bad(unknown(prefix));
  const column = COLUMNS.find((each) => each === scheme?.name);
  const hash = column === undefined ? rest : `{${prefix}}${rest}`;
  const found = schemeOf(hash);
  if (found === undefined || (scheme !== undefined && found !== scheme))
    return bad(`what follows is no hash of ${scheme?.name ?? "a known scheme"}; make one with: postern passwd USER`);
  const problem = found.problem(hash);
  if (problem !== undefined) return bad(problem);
  return column === undefined ? { password: hash } : { [column]: hash };
}

function unknown(prefix: string): string {
  const known = [...SCHEMES.map((scheme) => scheme.prefix), "CRYPT"].join(", ");
  return `the scheme ${/^[A-Z0-9.-]{1,24}$/.test(prefix) ? `{${prefix}} ` : ""}is not known; known are ${known}`;
}

function columnsOf(text: string): Parsed<Account> {
  const columns: { -readonly [K in keyof Account]: Account[K] } = {};
  for (const word of text.split(/\s+/)) {
    // What Dovecot's user database takes from the same file.
    if (word === "" || word.startsWith("userdb_")) continue;
    const at = word.indexOf("=");
    const column = COLUMNS.find((each) => each === word.slice(0, at));
    if (at === -1 || column === undefined)
      return bad(`the column ${quoted(at === -1 ? "" : word.slice(0, at))} is not known; known are ${COLUMNS.join(", ")}`);
    if (column in columns) return bad(`${column} is there twice`);
    const value = columnOf(column, word.slice(at + 1));
    if (typeof value === "object") return value;
    columns[column] = value;
  }
  return columns;
}

function columnOf(column: Column, value: string): Bad | string {
  if (column === "nt") return /^[0-9A-Fa-f]{32}$/.test(value) ? value : bad("nt must be 32 hexadecimal digits");
  const keys = `{${column.toUpperCase()}}${value}`;
  const problem = schemeOf(keys)?.problem(keys);
  return problem === undefined ? keys : bad(problem);
}
