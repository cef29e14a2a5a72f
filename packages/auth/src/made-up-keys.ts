// SCRAM keys for users whom nobody knows: they fit no password, and stay the same for the same name, so that who asks
// twice cannot tell such a user from one who exists (RFC 5802 section 9). Never throws.

import { createHmac, randomBytes } from "node:crypto";
import type { ScramHash, ScramKeys } from "@postern/contracts";

/** Of this process: another worker makes up another salt, as a password that was just changed would. */
const secret = randomBytes(32);

const SALT_BYTES = 16;
const LENGTHS = { sha1: 20, sha256: 32 } as const;
/** What password tools write by default. */
const ITERATIONS = 4096;

export function madeUpKeys(hash: ScramHash, user: string): ScramKeys {
  const salt = createHmac("sha256", secret).update(`${hash}:${user}`).digest().subarray(0, SALT_BYTES);
  return { salt, iterations: ITERATIONS, storedKey: randomBytes(LENGTHS[hash]), serverKey: randomBytes(LENGTHS[hash]) };
}
