// The RPC part of the echo servers: answers binds with yes, and calls with what pdus.ts says. No sockets. Throws Error for any other
// PDU, and for a call without end.

import { bindAckPdu, callOf, echoOf, groupOf, isLast, PTYPE, typeOf } from "./pdus.ts";

const LARGEST_CALL = 16 * 1024 * 1024;

/** Of one server. */
export interface EchoServerSide {
  readonly port: number;
  /** The next association group. */
  nextGroup(): number;
}

/** One connection. */
export class EchoRpc {
  /** Of its bind; 0 before. */
  group = 0;
  calls = 0;
  readonly #server: EchoServerSide;
  readonly #unfinished = new Map<number, Buffer[]>();

  constructor(server: EchoServerSide) {
    this.#server = server;
  }

  /** The answer to a PDU: PDUs one behind the other; empty when there is none yet. */
  take(pdu: Buffer): Buffer {
    switch (typeOf(pdu)) {
      case PTYPE.bind:
        this.group = groupOf(pdu) || this.#server.nextGroup();
        return bindAckPdu(pdu, this.group, this.#server.port);
      case PTYPE.alter:
        return bindAckPdu(pdu, this.group, this.#server.port);
      case PTYPE.request:
        return this.#request(pdu);
      default:
        throw new Error(`A client sent a PDU of type ${typeOf(pdu)}`);
    }
  }

  #request(pdu: Buffer): Buffer {
    if (this.group === 0) throw new Error("A call came before its bind");
    const fragments = [...(this.#unfinished.get(callOf(pdu)) ?? []), pdu];
    if (fragments.reduce((sum, { length }) => sum + length, 0) > LARGEST_CALL) throw new Error("A call without end");
    this.#unfinished.set(callOf(pdu), fragments);
    if (!isLast(pdu)) return Buffer.alloc(0);
    this.#unfinished.delete(callOf(pdu));
    this.calls += 1;
    return echoOf(Buffer.concat(fragments));
  }
}
