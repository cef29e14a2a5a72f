// The common header of all PDUs (C706 section 12.6.3.1, [MS-RPCE] section 2.2.2.1). Integers are little-endian, as all clients of
// these services send them; others are refused, so that nobody reads a length differently. Failure: syntax.

import { Failure } from "@postern/contracts";

export const HEADER_SIZE = 16;
export const MAX_PDU = 65_535;

/** An RTS PDU of [MS-RPCH] has at most 140 octets; padding may make it longer. */
export const MAX_RTS = 1024;

/** What is before the token of an auth trailer. */
export const AUTH_HEAD = 8;

export const PDU_TYPES = {
  request: 0,
  response: 2,
  fault: 3,
  bind: 11,
  bindAck: 12,
  bindNak: 13,
  alterContext: 14,
  alterContextResponse: 15,
  auth3: 16,
  shutdown: 17,
  coCancel: 18,
  orphaned: 19,
  rts: 20,
} as const;

export type PduType = (typeof PDU_TYPES)[keyof typeof PDU_TYPES];

export const PDU_FLAGS = { first: 0x01, last: 0x02, didNotExecute: 0x20, object: 0x80 } as const;

export interface PduHeader {
  readonly type: PduType;
  readonly flags: number;
  /** Octets of the whole PDU. */
  readonly length: number;
  /** Octets of the token in its auth trailer. */
  readonly authLength: number;
  readonly callId: number;
}

const KNOWN: ReadonlySet<number> = new Set(Object.values(PDU_TYPES));
const LITTLE_ENDIAN = 0x10;

export const garbled = (what: string): Failure => new Failure("syntax", `RPC: ${what}`);

/** How long the PDU is that begins at `at`; its header is there. */
export function lengthAt(bytes: Buffer, at: number): number {
  if (bytes[at] !== 5 || (bytes[at + 1] ?? 0) > 1) throw garbled("no PDU of version 5");
  const type = bytes[at + 2] ?? 0;
  if (!KNOWN.has(type)) throw garbled(`a PDU of the unknown type ${type}`);
  if (bytes[at + 4] !== LITTLE_ENDIAN) throw garbled("integers that are not little-endian");
  const length = bytes.readUInt16LE(at + 8);
  if (length < HEADER_SIZE) throw garbled(`a PDU of ${length} octets`);
  if (type === PDU_TYPES.rts && length > MAX_RTS) throw garbled(`an RTS PDU of ${length} octets`);
  const authLength = bytes.readUInt16LE(at + 10);
  if (authLength > 0 && authLength > length - HEADER_SIZE - AUTH_HEAD) throw garbled("an auth trailer longer than its PDU");
  return length;
}

/** Of the PDU that begins at `at`; all of it is there. */
export function headerOf(pdu: Buffer, at = 0): PduHeader {
  if (pdu.length - at < HEADER_SIZE) throw garbled("less than a header");
  const length = lengthAt(pdu, at);
  if (pdu.length - at < length) throw garbled("a PDU that is cut off");
  return {
    // lengthAt knows the type.
    type: pdu[at + 2] as PduType,
    flags: pdu[at + 3] ?? 0,
    length,
    authLength: pdu.readUInt16LE(at + 10),
    callId: pdu.readUInt32LE(at + 12),
  };
}

/** The PDUs of a run of whole ones. */
export function pdusOf(run: Buffer): Buffer[] {
  const pdus: Buffer[] = [];
  for (let at = 0; at < run.length;) {
    const { length } = headerOf(run, at);
    pdus.push(run.subarray(at, at + length));
    at += length;
  }
  return pdus;
}

/** A PDU of one fragment, complete but for its body behind the header. */
export function newPdu(
  type: PduType,
  callId: number,
  bodyLength: number,
  flags: number = PDU_FLAGS.first | PDU_FLAGS.last,
): Buffer {
  const pdu = Buffer.alloc(HEADER_SIZE + bodyLength);
  pdu[0] = 5;
  pdu[2] = type;
  pdu[3] = flags;
  pdu[4] = LITTLE_ENDIAN;
  pdu.writeUInt16LE(pdu.length, 8);
  pdu.writeUInt32LE(callId, 12);
  return pdu;
}
