// PDUs as clients and servers of RPC say them, for tests: what the gateway itself never writes.

import { HEADER_SIZE, newPdu, NDR, PDU_FLAGS, PDU_TYPES, uuidBytes, type PduType, type Syntax } from "@postern/dcerpc";

export interface Trailer {
  readonly type: number;
  readonly level: number;
  readonly token: Buffer;
  readonly context?: number;
}

const NTLM = 10;
const PRIVACY = 6;

const EVERY = PDU_FLAGS.first | PDU_FLAGS.last;

/** Behind the body, padded to 4. */
export function withTrailer(pdu: Buffer, { type, level, token, context = 1 }: Trailer): Buffer {
  const pad = -pdu.length & 3;
  const whole = Buffer.concat([pdu, Buffer.alloc(pad), Buffer.from([type, level, pad, 0, context, 0, 0, 0]), token]);
  whole.writeUInt16LE(whole.length, 8);
  whole.writeUInt16LE(token.length, 10);
  return whole;
}

function pduOf(type: PduType, callId: number, body: Buffer, flags = EVERY): Buffer {
  const pdu = newPdu(type, callId, body.length, flags);
  body.copy(pdu, HEADER_SIZE);
  return pdu;
}

export interface BindOptions {
  readonly callId?: number;
  readonly group?: number;
  readonly type?: "bind" | "alterContext";
  readonly trailer?: Trailer;
  readonly transfer?: Syntax;
  readonly maxReceive?: number;
}

/** One context for each interface, beginning with 0. */
export function bindOf(
  interfaces: readonly Syntax[],
  { callId = 1, group = 0, type = "bind", trailer, transfer = NDR, maxReceive = 5840 }: BindOptions = {},
): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16LE(5840, 0);
  head.writeUInt16LE(maxReceive, 2);
  head.writeUInt32LE(group, 4);
  head[8] = interfaces.length;
  const contexts = interfaces.map((one, id) => Buffer.concat([Buffer.from([id, 0, 1, 0]), syntax(one), syntax(transfer)]));
  const pdu = pduOf(PDU_TYPES[type], callId, Buffer.concat([head, ...contexts]));
  return trailer === undefined ? pdu : withTrailer(pdu, trailer);
}

function syntax({ uuid, major, minor }: Syntax): Buffer {
  const versions = Buffer.alloc(4);
  versions.writeUInt16LE(major, 0);
  versions.writeUInt16LE(minor, 2);
  return Buffer.concat([uuidBytes(uuid), versions]);
}

export interface RequestOptions {
  readonly callId?: number;
  readonly contextId?: number;
  readonly operation?: number;
  readonly flags?: number;
  readonly trailer?: Trailer;
}

export function requestOf(
  stub: Buffer,
  { callId = 2, contextId = 0, operation = 0, flags = EVERY, trailer }: RequestOptions = {},
): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(stub.length, 0);
  head.writeUInt16LE(contextId, 4);
  head.writeUInt16LE(operation, 6);
  const pdu = pduOf(PDU_TYPES.request, callId, Buffer.concat([head, stub]), flags);
  return trailer === undefined ? pdu : withTrailer(pdu, trailer);
}

export const auth3Of = (token: Buffer, context = 1): Buffer =>
  withTrailer(pduOf(PDU_TYPES.auth3, 1, Buffer.alloc(4)), { ...ntlmTrailer(token), context });

export const ntlmTrailer = (token: Buffer, level = PRIVACY): Trailer => ({ type: NTLM, level, token });

/** NTLM's first message ([MS-NLMP] section 2.2.1.1), as far as a gateway looks. */
export const NTLM_NEGOTIATE = Buffer.concat([
  Buffer.from("NTLMSSP\0"),
  Buffer.from([1, 0, 0, 0, 7, 0x82, 8, 0]),
  Buffer.alloc(16),
]);

/** NTLM's last message (section 2.2.1.3), with these names in it. */
export function ntlmAuthenticate(user: string, domain = "EXAMPLE"): Buffer {
  const head = Buffer.alloc(64);
  head.write("NTLMSSP\0", "latin1");
  head.writeUInt32LE(3, 8);
  const [domainBytes, userBytes] = [Buffer.from(domain, "utf16le"), Buffer.from(user, "utf16le")];
  const place = (at: number, bytes: Buffer, offset: number): void => {
    head.writeUInt16LE(bytes.length, at);
    head.writeUInt16LE(bytes.length, at + 2);
    head.writeUInt32LE(offset, at + 4);
  };
  place(28, domainBytes, 64);
  place(36, userBytes, 64 + domainBytes.length);
  head.writeUInt32LE(1, 60);
  return Buffer.concat([head, domainBytes, userBytes]);
}
