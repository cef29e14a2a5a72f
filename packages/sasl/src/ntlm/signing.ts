// NTLM signatures ([MS-NLMP] section 3.4.4.2), as SPNEGO wants one for its mechListMIC ([MS-SPNG] section 3.2.5.1): the
// first message of a session, with the key stream at its start. Throws Failure exchange-malformed.

import { createHash, createHmac } from "node:crypto";
import { Failure } from "@postern/contracts";
import { FLAG } from "./messages.ts";
import { rc4 } from "./rc4.ts";

export interface NtlmSession {
  /** The exported session key, 16 bytes. */
  readonly key: Buffer;
  /** The flags agreed on. */
  readonly flags: number;
}

/** Section 3.4.5. */
const DIRECTION = { client: "client-to-server", server: "server-to-client" } as const;
const CHECKSUM_BYTES = 8;

/** What `side` signs the data with: 16 bytes. Compare signatures in constant time. */
export function ntlmSignature({ key, flags }: NtlmSession, side: keyof typeof DIRECTION, data: Buffer): Buffer {
  if ((flags & FLAG.extendedSecurity) === 0)
    throw new Failure("exchange-malformed", "NTLM: a signature needs extended session security");
  const sequence = Buffer.alloc(4);
  const signingKey = derive(key, `session key to ${DIRECTION[side]} signing key magic constant\0`);
  const digest = createHmac("md5", signingKey).update(sequence).update(data).digest().subarray(0, CHECKSUM_BYTES);
  const sealingKey = derive(weakened(key, flags), `session key to ${DIRECTION[side]} sealing key magic constant\0`);
  const checksum = (flags & FLAG.keyExchange) === 0 ? digest : rc4(sealingKey, digest);
  return Buffer.concat([Buffer.from([1, 0, 0, 0]), checksum, sequence]);
}

const derive = (key: Buffer, constant: string): Buffer => createHash("md5").update(key).update(constant, "latin1").digest();

/** Section 3.4.5.3: what was left of a key in days of export rules. */
function weakened(key: Buffer, flags: number): Buffer {
  if ((flags & FLAG.key128) !== 0) return key;
  return key.subarray(0, (flags & FLAG.key56) !== 0 ? 7 : 5);
}
