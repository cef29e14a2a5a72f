// The password hash $6$ (U. Drepper, "Unix crypt using SHA-256 and SHA-512"). Slow on purpose: for the hash thread and the
// command line only. Throws Error for a hash with a `problem`.

import { createHash, hash as digestOf, randomBytes, timingSafeEqual } from "node:crypto";
import type { NewScheme } from "./schemes.ts";

const FORM = /^\$6\$(?:rounds=(\d{1,9})\$)?([!-#%-9;-~]{1,16})\$([./0-9A-Za-z]{86})$/;
const DEFAULT_ROUNDS = 5000;
const ROUNDS = { min: 1000, max: 5_000_000, made: 100_000 } as const;
const BYTES = 64;
const ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SALT_CHARACTERS = 16;

interface Parts {
  readonly rounds: number;
  readonly salt: string;
  readonly digest: string;
}

function parts(hash: string): Parts | undefined {
  const [, rounds, salt, digest] = FORM.exec(hash) ?? [];
  if (salt === undefined || digest === undefined) return undefined;
  return { rounds: rounds === undefined ? DEFAULT_ROUNDS : Number(rounds), salt, digest };
}

export const sha512Crypt: NewScheme = {
  name: "sha512-crypt",
  prefix: "SHA512-CRYPT",
  begins: /^\$6\$/,
  problem(hash) {
    const found = parts(hash);
    if (found === undefined) return "the sha512-crypt hash is malformed: it must be $6$rounds=N$salt$hash";
    if (found.rounds < ROUNDS.min || found.rounds > ROUNDS.max)
      return `sha512-crypt must have ${ROUNDS.min} to ${ROUNDS.max} rounds, not ${found.rounds}`;
    return undefined;
  },
  cost: (hash) => `${parts(hash)?.rounds}`,
  matches(hash, password) {
    const found = parts(hash);
    if (found === undefined) throw new Error("a malformed sha512-crypt hash");
    return timingSafeEqual(Buffer.from(encode(crypt(password, found))), Buffer.from(found.digest));
  },
  make(password) {
    const salt = Array.from(randomBytes(SALT_CHARACTERS), (byte) => ALPHABET[byte & 63]).join("");
    return `$6$rounds=${ROUNDS.made}$${salt}$${encode(crypt(password, { rounds: ROUNDS.made, salt }))}`;
  },
};

/** The steps of the specification, by their numbers. */
function crypt(password: Buffer, { rounds, salt: saltText }: Omit<Parts, "digest">): Buffer {
  const salt = Buffer.from(saltText, "latin1");
  // 4 to 8
  const b = createHash("sha512").update(password).update(salt).update(password).digest();
  // 1 to 3, 9 to 12
  const start = createHash("sha512").update(password).update(salt).update(repeated(b, password.length));
  for (let bits = password.length; bits > 0; bits >>= 1) start.update((bits & 1) === 1 ? b : password);
  let a = start.digest();
  // 13 to 16
  const dp = createHash("sha512");
  for (let times = password.length; times > 0; times--) dp.update(password);
  const p = repeated(dp.digest(), password.length);
  // 17 to 20
  const ds = createHash("sha512");
  for (let times = 16 + (a[0] ?? 0); times > 0; times--) ds.update(salt);
  const s = repeated(ds.digest(), salt.length);
  // 21, in one buffer: an object a round would double the time
  const input = Buffer.alloc(BYTES + 2 * p.length + s.length);
  for (let round = 0; round < rounds; round++) {
    const odd = (round & 1) === 1;
    let end = (odd ? p : a).copy(input, 0);
    if (round % 3 !== 0) end += s.copy(input, end);
    if (round % 7 !== 0) end += p.copy(input, end);
    end += (odd ? a : p).copy(input, end);
    a = digestOf("sha512", input.subarray(0, end), "buffer");
  }
  input.fill(0);
  p.fill(0);
  return a;
}

function repeated(block: Buffer, length: number): Buffer {
  return Buffer.alloc(length, block);
}

/** 22: three bytes are four characters, the least significant first; the bytes come in an order of their own. */
function encode(digest: Buffer): string {
  const at = (index: number): number => digest[index] ?? 0;
  let text = "";
  let [x, y, z] = [0, 21, 42];
  for (let triple = 0; triple < 21; triple++) {
    text += characters((at(x) << 16) | (at(y) << 8) | at(z), 4);
    [x, y, z] = [y + 1, z + 1, x + 1];
  }
  return text + characters(at(BYTES - 1), 2);
}

function characters(value: number, count: number): string {
  return Array.from({ length: count }, (_, index) => ALPHABET[(value >> (6 * index)) & 63]).join("");
}
