// SCRAM keys for users whom nobody knows: they fit no password, and look the same for the same name, in every worker, so
// that who asks twice cannot tell such a user from one who exists (RFC 5802 section 9). Never throws.

import { createHmac, randomBytes } from "node:crypto";
import type { ScramHash, ScramKeys } from "@postern/contracts";

const SALT_BYTES = 16;
const LENGTHS = { sha1: 20, sha256: 32 } as const;

/** What password tools write by default (RFC 7677 section 4 asks for no less). */
export const USUAL_ITERATIONS = 4096;

/** `secret` decides the salts; `iterations` is what real users have. */
export function madeUpKeys(secret: Buffer, hash: ScramHash, user: string, iterations: number): ScramKeys {
  const salt = createHmac("sha256", secret).update(`made-up salt ${hash}:${user}`).digest().subarray(0, SALT_BYTES);
  return { salt, iterations, storedKey: randomBytes(LENGTHS[hash]), serverKey: randomBytes(LENGTHS[hash]) };
}
