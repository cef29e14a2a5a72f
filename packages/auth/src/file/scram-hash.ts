// SCRAM keys (RFC 5802 section 3, RFC 7677) as a password file has them, in Dovecot's form: {SCRAM-SHA-256}ITERATIONS,SALT,
// STOREDKEY,SERVERKEY, the last three in base64. Keys can check a password too; that is slow on purpose: for the hash thread
// only. Throws Error for keys with a `problem`.

import { createHash, createHmac, pbkdf2Sync, timingSafeEqual } from "node:crypto";
import type { ScramHash, ScramKeys } from "@postern/contracts";
import { fromBase64 } from "./base64.ts";
import type { Scheme } from "./schemes.ts";

const ITERATIONS = { min: 4096, max: 5_000_000 } as const;
const SALT = { min: 8, max: 64 } as const;
const LENGTHS = { sha1: 20, sha256: 32 } as const satisfies Record<ScramHash, number>;
const TAGS = { sha1: "{SCRAM-SHA-1}", sha256: "{SCRAM-SHA-256}" } as const satisfies Record<ScramHash, string>;
const FORM = /^\{[A-Z0-9-]+\}(\d{1,7})[,:]([^,:]{1,128})[,:]([^,:]{1,64})[,:]([^,:]{1,64})$/;

/** The keys in a text such as {SCRAM-SHA-256}4096,…; undefined when they cannot be read. */
export function scramKeysOf(hash: ScramHash, text: string): ScramKeys | undefined {
  const [, iterations, ...fields] = FORM.exec(text) ?? [];
  const [salt, storedKey, serverKey] = fields.map(fromBase64);
  if (salt === undefined || storedKey?.length !== LENGTHS[hash] || serverKey?.length !== LENGTHS[hash]) return undefined;
  if (salt.length < SALT.min || salt.length > SALT.max) return undefined;
  return { salt, iterations: Number(iterations), storedKey, serverKey };
}

export const scramSha1 = scheme("sha1", "scram-sha-1", "SCRAM-SHA-1");
export const scramSha256 = scheme("sha256", "scram-sha-256", "SCRAM-SHA-256");

function scheme(hash: ScramHash, name: string, prefix: string): Scheme {
  return {
    name,
    prefix,
    begins: new RegExp(`^${RegExp.escape(TAGS[hash])}`),
    problem(text) {
      const keys = scramKeysOf(hash, text);
      if (keys === undefined) return `the ${name} keys are malformed: they must be ITERATIONS,SALT,STOREDKEY,SERVERKEY in base64`;
      if (keys.iterations < ITERATIONS.min || keys.iterations > ITERATIONS.max)
        return `${name} must have ${ITERATIONS.min} to ${ITERATIONS.max} iterations, not ${keys.iterations}`;
      return undefined;
    },
    cost: (text) => /\d+(?=[,:])/.exec(text)?.[0] ?? "",
    matches(text, password) {
      const keys = scramKeysOf(hash, text);
      if (keys === undefined) throw new Error(`malformed ${name} keys`);
      return spellings(password).some((spelling) => timingSafeEqual(storedKeyOf(hash, spelling, keys), keys.storedKey));
    },
  };
}

function storedKeyOf(hash: ScramHash, password: Buffer, { salt, iterations }: ScramKeys): Buffer {
  const salted = pbkdf2Sync(password, salt, iterations, LENGTHS[hash], hash);
  const clientKey = createHmac(hash, salted).update("Client Key").digest();
  salted.fill(0);
  return createHash(hash).update(clientKey).digest();
}

/** As it came, which is what Dovecot puts into keys, and in NFKC, which is what SASLprep makes of passwords that people type. */
function spellings(password: Buffer): Buffer[] {
  const prepared = Buffer.from(password.toString("utf8").normalize("NFKC"));
  return prepared.equals(password) ? [password] : [password, prepared];
}
