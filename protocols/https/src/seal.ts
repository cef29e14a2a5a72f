// Seals what a browser keeps for us, the sessions and tickets of the login page and the cookie of affinity: AES-256-GCM (NIST SP 800-38D) under a key of its own for each use, derived from the array's
// secret (HKDF, RFC 5869), so that any node can open it, nobody else can read or make one, and one use's seal is worth nothing
// in another. base64url of version (1 octet), nonce (12), what is sealed, tag (16). Never throws for what came from outside.

import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

export interface Sealer {
  seal(plain: Buffer): string;
  /** undefined: not ours, for another use, or changed. */
  open(text: string): Buffer | undefined;
}

const CIPHER = "aes-256-gcm";
const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const HEADER_BYTES = 1 + NONCE_BYTES;

export function createSealer(secret: Buffer, label: string): Sealer {
  const key = Buffer.from(hkdfSync("sha256", secret, Buffer.alloc(0), label, 32));
  const bound = Buffer.from(`${label} ${VERSION}`);
  return {
    seal(plain) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, key, nonce).setAAD(bound);
      const body = Buffer.concat([cipher.update(plain), cipher.final()]);
      return Buffer.concat([Buffer.from([VERSION]), nonce, body, cipher.getAuthTag()]).toString("base64url");
    },
    open(text) {
      const bytes = Buffer.from(text, "base64url");
      if (bytes[0] !== VERSION || bytes.length < HEADER_BYTES + TAG_BYTES) return undefined;
      const decipher = createDecipheriv(CIPHER, key, bytes.subarray(1, HEADER_BYTES), { authTagLength: TAG_BYTES })
        .setAAD(bound)
        .setAuthTag(bytes.subarray(-TAG_BYTES));
      try {
        return Buffer.concat([decipher.update(bytes.subarray(HEADER_BYTES, -TAG_BYTES)), decipher.final()]);
      } catch {
        // Not ours, for another use, or changed on its way.
        return undefined;
      }
    },
  };
}
