// PDUs of connection-oriented DCE/RPC (C706 chapter 12) for tests: cut out of a stream, written, and compared. An implementation of
// its own, so that it can judge the gateway's. Throws Error for what is none.

import { createHash } from "node:crypto";

export const PTYPE = { request: 0, response: 2, fault: 3, bind: 11, bindAck: 12, alter: 14, alterResponse: 15 } as const;

/** Flags: the first and the last fragment of a call. */
const FIRST = 1;
const LAST = 2;

const COMMON = 16;
const CALL = 24;
/** The largest fragment that is told and sent. */
export const FRAGMENT = 5840;

/** Cuts a stream into PDUs. */
export class PduSplitter {
  #kept: Buffer = Buffer.alloc(0);

  /** The PDUs that are whole now. */
  feed(chunk: Buffer): Buffer[] {
    this.#kept = this.#kept.length === 0 ? chunk : Buffer.concat([this.#kept, chunk]);
    const found: Buffer[] = [];
    while (this.#kept.length >= COMMON) {
      const length = this.#kept.readUInt16LE(8);
      if (this.#kept[0] !== 5 || this.#kept[1] !== 0 || this.#kept[4] !== 0x10 || length < COMMON)
        throw new Error(`Not a PDU: ${this.#kept.toString("hex", 0, 32)}`);
      if (this.#kept.length < length) break;
      found.push(this.#kept.subarray(0, length));
      this.#kept = this.#kept.subarray(length);
    }
    return found;
  }

  /** Octets of a PDU that is not whole yet. */
  get unfinished(): number {
    return this.#kept.length;
  }
}

export const typeOf = (pdu: Buffer): number => pdu[2] ?? 0;
export const callOf = (pdu: Buffer): number => pdu.readUInt32LE(12);
export const isLast = (pdu: Buffer): boolean => ((pdu[3] ?? 0) & LAST) !== 0;
export const stubOf = (pdu: Buffer): Buffer => pdu.subarray(CALL);

function pdu(type: number, callId: number, body: Buffer, flags = FIRST | LAST): Buffer {
  const whole = Buffer.alloc(COMMON + body.length);
  whole.set([5, 0, type, flags, 0x10]);
  whole.writeUInt16LE(whole.length, 8);
  whole.writeUInt32LE(callId, 12);
  body.copy(whole, COMMON);
  return whole;
}

export interface BindParts {
  readonly callId: number;
  /** Of the association; 0: a new one. */
  readonly group?: number;
  readonly type?: number;
}

/** A bind (or alter_context) of one context: EMSMDB 0.81 over NDR. */
export function bindPdu({ callId, group = 0, type = PTYPE.bind }: BindParts): Buffer {
  const body = Buffer.alloc(12 + 44);
  body.writeUInt16LE(FRAGMENT, 0);
  body.writeUInt16LE(FRAGMENT, 2);
  body.writeUInt32LE(group, 4);
  body[8] = 1;
  body[14] = 1;
  body.write("00dbf1a447ca6710b31f00dd010662da00005100", 16, "hex");
  body.write("045d888aeb1cc9119fe808002b10486002000000", 36, "hex");
  return pdu(type, callId, body);
}

/** The association group of a bind or of its answer. */
export const groupOf = (bind: Buffer): number => bind.readUInt32LE(COMMON + 4);

/** The answer to a bind or alter_context: yes to all its contexts. */
export function bindAckPdu(bind: Buffer, group: number, port: number): Buffer {
  const contexts = bind[COMMON + 8] ?? 0;
  const address = Buffer.from(`${port}\0`);
  const results = Math.ceil((10 + address.length) / 4) * 4;
  const body = Buffer.alloc(results + 4 + 24 * contexts);
  body.writeUInt16LE(FRAGMENT, 0);
  body.writeUInt16LE(FRAGMENT, 2);
  body.writeUInt32LE(group, 4);
  body.writeUInt16LE(address.length, 8);
  address.copy(body, 10);
  body[results] = contexts;
  for (let index = 0; index < contexts; index += 1)
    body.write("045d888aeb1cc9119fe808002b10486002000000", results + 8 + 24 * index, "hex");
  return pdu(typeOf(bind) === PTYPE.bind ? PTYPE.bindAck : PTYPE.alterResponse, callOf(bind), body);
}

export interface CallParts {
  readonly callId: number;
  readonly opnum?: number;
  readonly stub: Buffer;
}

/** One call: its PDUs one behind the other, none larger than a fragment. */
export function requestPdus({ callId, opnum = 0, stub }: CallParts): Buffer {
  const call = Buffer.alloc(8);
  call.writeUInt32LE(stub.length);
  call.writeUInt16LE(opnum, 6);
  return inFragments(PTYPE.request, callId, call, stub);
}

function inFragments(type: number, callId: number, call: Buffer, stub: Buffer): Buffer {
  const size = FRAGMENT - CALL;
  const count = Math.max(1, Math.ceil(stub.length / size));
  const fragments = Array.from({ length: count }, (_, index) => {
    const flags = (index === 0 ? FIRST : 0) | (index === count - 1 ? LAST : 0);
    return pdu(type, callId, Buffer.concat([call, stub.subarray(index * size, (index + 1) * size)]), flags);
  });
  return Buffer.concat(fragments);
}

/**
 * What the echo servers answer to a call (all of its PDUs): as many octets as the first four of its stub say, made of a digest of
 * every octet of the call.
 */
export function echoOf(call: Buffer): Buffer {
  const size = call.length >= CALL + 4 ? call.readUInt32LE(CALL) : 32;
  const digest = createHash("sha256").update(call).digest();
  return inFragments(PTYPE.response, callOf(call), Buffer.alloc(8), Buffer.alloc(size, digest));
}
