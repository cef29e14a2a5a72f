// The few PDUs that a gateway says itself (C706 section 12.6.4). Throws Error for what only a defect can ask for.

import type { BindAck } from "./bind.ts";
import { HEADER_SIZE, newPdu, PDU_FLAGS, PDU_TYPES } from "./header.ts";
import type { Syntax } from "./interfaces.ts";
import { uuidBytes } from "./uuid.ts";

/** Why a bind is refused ([MS-RPCE] section 2.2.2.5). */
export const BIND_NAK = { unspecified: 0, temporaryCongestion: 1, localLimit: 2, protocolVersion: 4, authType: 8 } as const;

/** C706 appendix E, [MS-ERREF] section 2.2. */
export const FAULT_STATUS = {
  /** nca_s_op_rng_error */
  unknownOperation: 0x1c010002,
  /** nca_s_unk_if */
  unknownInterface: 0x1c010003,
  /** nca_s_proto_error */
  protocolError: 0x1c01000b,
  /** nca_s_server_too_busy */
  tooBusy: 0x1c010014,
  accessDenied: 0x00000005,
  /** RPC_X_BAD_STUB_DATA */
  badStubData: 0x000006f7,
} as const;

/** Large enough for all that a gateway answers, and what every peer takes. */
const FRAGMENT = 4280;
const RESPONSE_HEAD = 8;

export function bindNak(callId: number, reason: number): Buffer {
  const pdu = newPdu(PDU_TYPES.bindNak, callId, 5);
  pdu.writeUInt16LE(reason, HEADER_SIZE);
  // One version is spoken: 5.0.
  pdu[HEADER_SIZE + 2] = 1;
  pdu[HEADER_SIZE + 3] = 5;
  return pdu;
}

/** The call was not executed. */
export function fault(callId: number, contextId: number, status: number): Buffer {
  const pdu = newPdu(PDU_TYPES.fault, callId, 16, PDU_FLAGS.first | PDU_FLAGS.last | PDU_FLAGS.didNotExecute);
  pdu.writeUInt16LE(contextId, HEADER_SIZE + 4);
  pdu.writeUInt32LE(status >>> 0, HEADER_SIZE + 8);
  return pdu;
}

/** A bind_ack, or an alter_context_resp. */
export function bindAck(callId: number, ack: BindAck, answers: "bind" | "alterContext" = "bind"): Buffer {
  // The text ends with a zero; none at all has the length 0.
  const address = Buffer.from(ack.address === "" ? "" : `${ack.address}\0`, "latin1");
  const listAt = (HEADER_SIZE + 10 + address.length + 3) & ~3;
  const type = answers === "bind" ? PDU_TYPES.bindAck : PDU_TYPES.alterContextResponse;
  const pdu = newPdu(type, callId, listAt - HEADER_SIZE + 4 + 24 * ack.results.length);
  pdu.writeUInt16LE(ack.maxTransmit, 16);
  pdu.writeUInt16LE(ack.maxReceive, 18);
  pdu.writeUInt32LE(ack.group, 20);
  pdu.writeUInt16LE(address.length, 24);
  address.copy(pdu, 26);
  pdu.writeUInt8(ack.results.length, listAt);
  for (const [index, { result, reason, transfer }] of ack.results.entries()) {
    const at = listAt + 4 + 24 * index;
    pdu.writeUInt16LE(result, at);
    pdu.writeUInt16LE(reason, at + 2);
    writeSyntax(pdu, at + 4, transfer);
  }
  return pdu;
}

/** One PDU, or as many fragments one behind the other as `stub` needs. */
export function response(callId: number, contextId: number, stub: Buffer, maxFragment: number = FRAGMENT): Buffer {
  const room = (maxFragment - HEADER_SIZE - RESPONSE_HEAD) & ~7;
  if (room <= 0) throw new Error(`A fragment of ${maxFragment} octets has no room`);
  const fragments: Buffer[] = [];
  for (let at = 0; at === 0 || at < stub.length; at += room) {
    const piece = stub.subarray(at, at + room);
    const flags = (at === 0 ? PDU_FLAGS.first : 0) | (at + room >= stub.length ? PDU_FLAGS.last : 0);
    const pdu = newPdu(PDU_TYPES.response, callId, RESPONSE_HEAD + piece.length, flags);
    pdu.writeUInt32LE(stub.length - at, HEADER_SIZE);
    pdu.writeUInt16LE(contextId, HEADER_SIZE + 4);
    piece.copy(pdu, HEADER_SIZE + RESPONSE_HEAD);
    fragments.push(pdu);
  }
  return Buffer.concat(fragments);
}

function writeSyntax(pdu: Buffer, at: number, { uuid, major, minor }: Syntax): void {
  uuidBytes(uuid).copy(pdu, at);
  pdu.writeUInt16LE(major, at + 16);
  pdu.writeUInt16LE(minor, at + 18);
}
