// The arithmetic of NTLMv2 behind the check of the response ([MS-NLMP] sections 3.2.5.1.2 and 3.3.2): session keys, MIC,
// time, channel binding. It knows no password and no hash of one. Throws Failure exchange-malformed.

import { createHash, createHmac } from "node:crypto";
import { Failure } from "@postern/contracts";
import { parseAvPairs } from "./av-pairs.ts";
import { FLAG } from "./messages.ts";
import { rc4 } from "./rc4.ts";

const PROOF_BYTES = 16;
/** Section 2.2.2.7: what stands before the AV pairs. */
const CLIENT_CHALLENGE_HEADER = 28;
const SESSION_KEY_BYTES = 16;

/** NTLMv1, its variants, and anonymous logins have a response of 24 bytes or none (section 2.2.2.6). */
export const isNtlmv2 = (ntResponse: Buffer): boolean => ntResponse.length > PROOF_BYTES + CLIENT_CHALLENGE_HEADER;

/** The AV pairs that the client put into its response, and so under its proof. */
export function responsePairs(ntResponse: Buffer): ReadonlyMap<number, Buffer> {
  return parseAvPairs(ntResponse.subarray(PROOF_BYTES + CLIENT_CHALLENGE_HEADER));
}

/** The key of the session: the client's own, encrypted with the session base key, or that one itself. */
export function exportedSessionKey(flags: number, sessionBaseKey: Buffer, encrypted: Buffer): Buffer {
  if ((flags & FLAG.keyExchange) === 0 || encrypted.length === 0) return Buffer.from(sessionBaseKey);
  if (encrypted.length !== SESSION_KEY_BYTES) throw new Failure("exchange-malformed", "NTLM: the session key has another length");
  return rc4(sessionBaseKey, encrypted);
}

/** `messages` are the three as they were on the wire, the last one without its MIC. */
export function messageIntegrityCode(sessionKey: Buffer, messages: readonly Buffer[]): Buffer {
  return createHmac("md5", sessionKey).update(Buffer.concat(messages)).digest();
}

/** MD5 of the gss_channel_bindings_struct of RFC 2744 without addresses; `endPoint` as in RFC 5929 section 4. */
export function channelBindingHash(endPoint: Buffer): Buffer {
  const data = Buffer.concat([Buffer.from("tls-server-end-point:"), endPoint]);
  const header = Buffer.alloc(20);
  header.writeUInt32LE(data.length, 16);
  return createHash("md5").update(header).update(data).digest();
}

const EPOCH_MS = 11_644_473_600_000;
const TICKS = 10_000n;

/** Milliseconds of the wall clock as a FILETIME: 100 ns since 1601, 8 bytes. */
export function fileTime(ms: number): Buffer {
  const time = Buffer.alloc(8);
  time.writeBigUInt64LE(BigInt(Math.trunc(ms) + EPOCH_MS) * TICKS);
  return time;
}

/** Milliseconds of the wall clock. */
export function fromFileTime(time: Buffer): number {
  if (time.length !== 8) throw new Failure("exchange-malformed", "NTLM: a time that is not 8 bytes long");
  return Number(time.readBigUInt64LE() / TICKS) - EPOCH_MS;
}
