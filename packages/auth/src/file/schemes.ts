// The password hashes that a password file may hold, as a table. Checking and making are slow on purpose: the gateway
// checks in the hash thread (hash-pool.ts), never in its event loop.

import { argon2id } from "./argon2id.ts";
import { bcrypt } from "./bcrypt.ts";
import { scramSha1, scramSha256 } from "./scram-hash.ts";
import { sha512Crypt } from "./sha512-crypt.ts";

/** Bytes. Nothing looks at longer passwords: some schemes take time that grows with the square of the length. */
export const LONGEST_PASSWORD = 1024;

export interface Scheme {
  readonly name: string;
  /** Its name in front of a hash, {ARGON2ID}, as Dovecot has it. */
  readonly prefix: string;
  /** How a hash of this scheme begins. */
  readonly begins: RegExp;
  /** Bytes of a password that count, where there is such a limit. */
  readonly longest?: number;
  /** What is wrong with a hash, in a sentence that does not show it; undefined: nothing. */
  problem(hash: string): string | undefined;
  /** Hashes with the same text here take the same time. */
  cost(hash: string): string;
  /** Compares in constant time. Throws Error for a hash with a problem. */
  matches(hash: string, password: Buffer): boolean;
}

export interface NewScheme extends Scheme {
  /** A new hash with a new salt. */
  readonly make: (password: Buffer) => string;
}

export const SCHEMES: readonly Scheme[] = [argon2id, bcrypt, sha512Crypt, scramSha256, scramSha1];

/** The scheme of a hash by how it begins. */
export function schemeOf(hash: string): Scheme | undefined {
  return SCHEMES.find(({ begins }) => begins.test(hash));
}

/** Does the password belong to the hash? Throws Error when the hash is none that is known. */
export function matches(hash: string, password: Buffer): boolean {
  const scheme = schemeOf(hash);
  if (scheme === undefined) throw new Error("a hash of an unknown scheme");
  return scheme.matches(hash, password);
}

/** What new hashes can be; the first is the one to choose. */
const NEW = { argon2id, bcrypt, "sha512-crypt": sha512Crypt } as const satisfies Record<string, NewScheme>;
export type NewHash = keyof typeof NEW;

/**
 * The second field of a new line of a password file: "{ARGON2ID}$argon2id$…". Takes up to half a second. Throws RangeError
 * when the password is longer than the scheme looks at.
 */
export function newHash(name: NewHash, password: Buffer): string {
  const scheme: NewScheme = NEW[name];
  const longest = scheme.longest ?? LONGEST_PASSWORD;
  if (password.length > longest)
    throw new RangeError(`${name} takes passwords of at most ${longest} bytes, not ${password.length}`);
  return `{${scheme.prefix}}${scheme.make(password)}`;
}
