// What a client is told that is not served: the answer to its first PDU, or a fault for the call that it waits for. Never throws
// for what it is told to answer.

import type { Failure, FailureKind } from "@postern/contracts";
import {
  bindAck,
  bindNak,
  BIND_NAK,
  fault,
  FAULT_STATUS,
  PDU_TYPES,
  readBind,
  type BindResult,
  type Syntax,
} from "@postern/dcerpc";

/** The others are told to come again later. */
const REASONS: Readonly<Partial<Record<FailureKind, number>>> = {
  syntax: BIND_NAK.unspecified,
  "unknown-mechanism": BIND_NAK.authType,
  "too-many-from-address": BIND_NAK.localLimit,
};

const STATUS: Readonly<Partial<Record<FailureKind, number>>> = {
  syntax: FAULT_STATUS.protocolError,
  "route-refused": FAULT_STATUS.unknownInterface,
};

/** Failures that nobody waits to hear of. */
const SILENT: ReadonlySet<FailureKind> = new Set(["client-gone", "idle"]);

/** In place of a transfer syntax where a context is refused. */
export const NOWHERE: Syntax = { uuid: "00000000-0000-0000-0000-000000000000", major: 0, minor: 0 };
export const UNKNOWN_INTERFACE: BindResult = { result: 2, reason: 1, transfer: NOWHERE };

export const faultStatus = ({ kind }: Failure): number => STATUS[kind] ?? FAULT_STATUS.tooBusy;

/** The answer to the first PDU of a client, or what of it was read; undefined: none is owed. */
export function firstRefusal(failure: Failure, first: Buffer | undefined): Buffer | undefined {
  if (SILENT.has(failure.kind) || first === undefined || first[0] !== 5) return undefined;
  const callId = first.readUInt32LE(12);
  switch (first.readUInt8(2)) {
    case PDU_TYPES.bind:
      return bindRefusal(failure, first, callId);
    case PDU_TYPES.request:
    case PDU_TYPES.alterContext:
      return fault(callId, 0, faultStatus(failure));
    default:
      return undefined;
  }
}

function bindRefusal({ kind }: Failure, bind: Buffer, callId: number): Buffer {
  if ((bind[1] ?? 0) > 1) return bindNak(callId, BIND_NAK.protocolVersion);
  if (kind === "route-refused") return refusedBind(callId, bind);
  return bindNak(callId, REASONS[kind] ?? BIND_NAK.temporaryCongestion);
}

/** Every context is refused: nobody here speaks its interface. */
function refusedBind(callId: number, bind: Buffer): Buffer {
  const { maxTransmit, maxReceive, group, contexts } = readBind(bind);
  const results = contexts.map(() => UNKNOWN_INTERFACE);
  return bindAck(callId, { maxTransmit, maxReceive, group, address: "", results });
}
