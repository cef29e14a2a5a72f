// Keyed hashes, for what must be compared later but not kept: names, passwords. SHA-256 over a random key of this process and
// the parts with their lengths, truncated, so that nothing can be appended. In one call, since each login asks. Never throws.

import { hash, randomBytes } from "node:crypto";

/** Two of them meet by chance once in 2^96. */
const BYTES = 12;

/** The hash of all parts in their order: text of the same length for everything. */
export type Fingerprint = (...parts: readonly (string | Buffer)[]) => string;

export function createFingerprint(): Fingerprint {
  const key = randomBytes(32);
  return (...parts) => {
    // The length keeps "ab", "c" apart from "a", "bc".
    const pieces = parts.flatMap((part) => [Buffer.from(`${Buffer.byteLength(part)}:`), asBuffer(part)]);
    const whole = Buffer.concat([key, ...pieces]);
    const digest = hash("sha256", whole, "buffer");
    whole.fill(0);
    return digest.subarray(0, BYTES).toString("base64");
  };
}

const asBuffer = (part: string | Buffer): Buffer => (typeof part === "string" ? Buffer.from(part) : part);
