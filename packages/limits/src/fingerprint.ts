// Keyed hashes, for what must be compared later but not kept: names, passwords. HMAC-SHA256 under a random key of this
// process (RFC 2104), truncated. Never throws.

import { createHmac, randomBytes } from "node:crypto";

/** Two of them meet by chance once in 2^96. */
const BYTES = 12;

/** The hash of all parts in their order: text of the same length for everything. */
export type Fingerprint = (...parts: readonly (string | Buffer)[]) => string;

export function createFingerprint(): Fingerprint {
  const key = randomBytes(32);
  return (...parts) => {
    const hmac = createHmac("sha256", key);
    // The length keeps "ab", "c" apart from "a", "bc".
    for (const part of parts) hmac.update(`${Buffer.byteLength(part)}:`).update(part);
    return hmac.digest().subarray(0, BYTES).toString("base64");
  };
}
