// What bind, alter_context and their answers say of a connection (C706 section 12.6.4.3 to 12.6.4.4). Failure: syntax.

import { BodyReader } from "./body-reader.ts";
import { AUTH_HEAD, garbled, HEADER_SIZE, headerOf, PDU_TYPES, type PduHeader, type PduType } from "./header.ts";
import type { Syntax } from "./interfaces.ts";

export interface Bind {
  /** The largest fragments that are sent, and taken. */
  readonly maxTransmit: number;
  readonly maxReceive: number;
  /** assoc_group_id; 0 asks for a new group. */
  readonly group: number;
  readonly contexts: readonly BindContext[];
}

export interface BindContext {
  readonly id: number;
  readonly interface: Syntax;
  readonly transfers: readonly Syntax[];
}

export interface BindAck {
  readonly maxTransmit: number;
  readonly maxReceive: number;
  readonly group: number;
  /** The secondary address: the port as text. Printable ASCII, or "". */
  readonly address: string;
  /** One for each context of the bind, in its order. */
  readonly results: readonly BindResult[];
}

export interface BindResult {
  /** 0 accepted, 2 refused. */
  readonly result: number;
  /** Why refused: 1 unknown interface, 2 unknown transfer syntax. */
  readonly reason: number;
  readonly transfer: Syntax;
}

/** A bind or an alter_context. */
export function readBind(pdu: Buffer): Bind {
  const reader = bodyOf(pdu, [PDU_TYPES.bind, PDU_TYPES.alterContext]);
  const [maxTransmit, maxReceive, group] = [reader.u16(), reader.u16(), reader.u32()];
  const contexts = listOf(reader, () => {
    const id = reader.u16();
    const count = reader.u8();
    reader.u8();
    return { id, interface: reader.syntax(), transfers: Array.from({ length: count }, () => reader.syntax()) };
  });
  return { maxTransmit, maxReceive, group, contexts };
}

/** A bind_ack or an alter_context_resp. */
export function readBindAck(pdu: Buffer): BindAck {
  const reader = bodyOf(pdu, [PDU_TYPES.bindAck, PDU_TYPES.alterContextResponse]);
  const [maxTransmit, maxReceive, group] = [reader.u16(), reader.u16(), reader.u32()];
  const address = /^[\x20-\x7e]*/.exec(reader.octets(reader.u16()).toString("latin1"))?.[0] ?? "";
  reader.align(4);
  const results = listOf(reader, () => ({ result: reader.u16(), reason: reader.u16(), transfer: reader.syntax() }));
  return { maxTransmit, maxReceive, group, address, results };
}

/** A list with its length in one octet, and three of padding. */
function listOf<T>(reader: BodyReader, one: () => T): T[] {
  const count = reader.u8();
  reader.octets(3);
  return Array.from({ length: count }, one);
}

function bodyOf(pdu: Buffer, types: readonly PduType[]): BodyReader {
  const header = headerOf(pdu);
  if (!types.includes(header.type)) throw garbled(`a PDU of type ${header.type} where ${types.join(" or ")} was expected`);
  return new BodyReader(pdu.subarray(0, bodyEnd(header)), HEADER_SIZE);
}

const bodyEnd = ({ length, authLength }: PduHeader): number => (authLength === 0 ? length : length - authLength - AUTH_HEAD);
