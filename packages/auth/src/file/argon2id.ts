// The password hash Argon2id (RFC 9106) as a PHC string. Slow on purpose: for the hash thread and the command line only.
// Throws Error for a hash with a `problem`, or when the machine has not the memory.

import { argon2Sync, randomBytes, timingSafeEqual } from "node:crypto";
import { fromBase64, toBase64 } from "./base64.ts";
import type { NewScheme } from "./schemes.ts";

const FORM = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{1,128})\$([A-Za-z0-9+/]{1,128})$/;
/** Memory in KiB. What is made takes what Dovecot's own hashes take. */
const MADE = { memory: 65_536, passes: 3, parallelism: 1 } as const;
const MEMORY_MAX = 1_048_576;
const PASSES_MAX = 100;
const LANES_MAX = 64;
const SALT_BYTES = 16;
const SALT_MIN = 8;
const TAG_BYTES = 32;
const TAG_MIN = 16;

interface Parts {
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
  readonly salt: Buffer;
  readonly tag: Buffer;
}

function parts(hash: string): Parts | undefined {
  const [, memory, passes, parallelism, saltText, tagText] = FORM.exec(hash) ?? [];
  const salt = fromBase64(saltText ?? "");
  const tag = fromBase64(tagText ?? "");
  if (salt === undefined || tag === undefined || salt.length < SALT_MIN || tag.length < TAG_MIN) return undefined;
  return { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism), salt, tag };
}

export const argon2id: NewScheme = {
  name: "argon2id",
  prefix: "ARGON2ID",
  begins: /^\$argon2id\$/,
  problem(hash) {
    const found = parts(hash);
    if (found === undefined) return "the argon2id hash is malformed: it must be $argon2id$v=19$m=…,t=…,p=…$salt$hash";
    const { memory, passes, parallelism } = found;
    if (parallelism < 1 || parallelism > LANES_MAX) return `argon2id must have p=1 to ${LANES_MAX}, not ${parallelism}`;
    if (memory < 8 * parallelism || memory > MEMORY_MAX)
      return `argon2id must have m=${8 * parallelism} to ${MEMORY_MAX}, not ${memory}`;
    if (passes < 1 || passes > PASSES_MAX) return `argon2id must have t=1 to ${PASSES_MAX}, not ${passes}`;
    return undefined;
  },
  cost: (hash) => hash.split("$")[3] ?? "",
  matches(hash, password) {
    const found = parts(hash);
    if (found === undefined) throw new Error("a malformed argon2id hash");
    return timingSafeEqual(derive(password, found, found.tag.length), found.tag);
  },
  make(password) {
    const { memory, passes, parallelism } = MADE;
    const salt = randomBytes(SALT_BYTES);
    const tag = derive(password, { ...MADE, salt }, TAG_BYTES);
    return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${toBase64(salt)}$${toBase64(tag)}`;
  },
};

function derive(message: Buffer, { salt: nonce, memory, passes, parallelism }: Omit<Parts, "tag">, tagLength: number): Buffer {
  return argon2Sync("argon2id", { message, nonce, memory, passes, parallelism, tagLength });
}
