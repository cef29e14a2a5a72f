// The arithmetic of SCRAM (RFC 5802 section 3, RFC 7677): keys from a password, and the client's proof against keys. Knows
// no messages. Throws an Error for a password that cannot be prepared, nothing else.

import { createHash, createHmac, pbkdf2, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import type { ScramHash, ScramKeys } from "@postern/contracts";
import { saslprep } from "./saslprep.ts";

/** Bytes of a proof, a key and a signature. */
export const HASH_BYTES = { sha1: 20, sha256: 32 } as const satisfies Record<ScramHash, number>;

const pbkdf2Async = promisify(pbkdf2);

const hmac = (hash: ScramHash, key: Buffer, text: string): Buffer => createHmac(hash, key).update(text).digest();
const digest = (hash: ScramHash, data: Uint8Array): Buffer => createHash(hash).update(data).digest();

/**
 * What a password file keeps of a password. The password is prepared (saslprep.ts); at least 4096 iterations are usual
 * (RFC 7677 section 4). Throws an Error, without the password, when it is empty or has characters that no client can send.
 */
export async function scramKeys(hash: ScramHash, password: string, salt: Buffer, iterations: number): Promise<ScramKeys> {
  const salted = await pbkdf2Async(saslprep(password), salt, iterations, HASH_BYTES[hash], hash);
  const storedKey = digest(hash, hmac(hash, salted, "Client Key"));
  const serverKey = hmac(hash, salted, "Server Key");
  salted.fill(0);
  return { salt, iterations, storedKey, serverKey };
}

/** Does the proof belong to the keys? Takes constant time. `authMessage` is the text that both sides sign. */
export function proofFits(hash: ScramHash, keys: ScramKeys, authMessage: string, proof: Buffer): boolean {
  const signature = hmac(hash, keys.storedKey, authMessage);
  const clientKey = Uint8Array.from(signature, (byte, at) => byte ^ (proof[at] ?? 0));
  const fits = timingSafeEqual(digest(hash, clientKey), keys.storedKey);
  clientKey.fill(0);
  return fits;
}

/** What proves to the client that the server has the keys too. */
export const serverSignature = (hash: ScramHash, keys: ScramKeys, authMessage: string): Buffer =>
  hmac(hash, keys.serverKey, authMessage);
