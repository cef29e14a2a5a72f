// NTLMv2 where the NT hash is known ([MS-NLMP] section 3.3.2): the hash of a password, and the check of a response with
// it. Never looks at LM and NTLMv1 responses. Never throws.

import { createHmac, timingSafeEqual } from "node:crypto";
import type { NtlmResponse } from "@postern/contracts";
import { md4 } from "./md4.ts";

const PROOF_BYTES = 16;
/** The proof, and the client's challenge up to its AV pairs ([MS-NLMP] sections 2.2.2.7 and 2.2.2.8). */
const SHORTEST = PROOF_BYTES + 28;

/** What a password file keeps: MD4 of the password in UTF-16LE, 16 bytes. It is as good as the password itself. */
export function ntHash(password: string): Buffer {
  const bytes = Buffer.from(password, "utf16le");
  const hash = md4(bytes);
  bytes.fill(0);
  return hash;
}

/**
 * The session base key (16 bytes) when the response was made with this NT hash; undefined when it was not, or is no
 * NTLMv2. Takes the same time for any hash of 16 bytes: for an unknown user, call it with a random one.
 */
export function checkNtlmv2(response: NtlmResponse, hash: Buffer): Buffer | undefined {
  const { user, domain, serverChallenge, ntResponse } = response;
  if (ntResponse.length < SHORTEST) return undefined;
  const key = hmacMd5(hash, Buffer.from(upperCase(user) + domain, "utf16le"));
  const proof = ntResponse.subarray(0, PROOF_BYTES);
  const expected = hmacMd5(key, serverChallenge, ntResponse.subarray(PROOF_BYTES));
  const sessionBaseKey = hmacMd5(key, expected);
  return timingSafeEqual(proof, expected) ? sessionBaseKey : undefined;
}

/** As Windows does it: one UTF-16 unit for one, so that no ß becomes SS. */
function upperCase(name: string): string {
  const upper = (unit: string): string => (unit.toUpperCase().length === 1 ? unit.toUpperCase() : unit);
  return Array.from({ length: name.length }, (_, index) => upper(name.charAt(index))).join("");
}

function hmacMd5(key: Buffer, ...parts: readonly Buffer[]): Buffer {
  const hmac = createHmac("md5", key);
  for (const part of parts) hmac.update(part);
  return hmac.digest();
}
