// PDUs out of reads that may lie in large buffers that are lent (packages/net lending.ts). Each run that lies in one has a share in
// it, which is to be given back when the run is written; a run whose share is forgotten costs nothing but memory. Failure: syntax.

import type { Lending } from "@postern/contracts";
import { giveBack } from "@postern/core";
import { PduFramer, type PduTaker } from "@postern/dcerpc";

export interface StreamTaker {
  /** One or more whole PDUs that are not RTS, as they came. `lent`: what they lie in, one share of it. */
  rpc(run: Buffer, lent: Lending | undefined): void;
  /** One RTS PDU, the taker's. */
  rts(pdu: Buffer): void;
}

export class PduStream implements PduTaker {
  readonly #taker: StreamTaker;
  readonly #framer: PduFramer;
  /** What the present read lies in. */
  #lent: Lending | undefined;

  constructor(taker: StreamTaker) {
    this.#taker = taker;
    this.#framer = new PduFramer(this);
  }

  /** No PDU has begun that is not complete. */
  get isBetween(): boolean {
    return this.#framer.isBetween;
  }

  /** Failure: syntax. `lent`: what the chunk lies in, one share of it. */
  feed(chunk: Buffer, lent: Lending | undefined): void {
    if (lent === undefined) return this.#framer.feed(chunk);
    this.#lent = lent;
    try {
      this.#framer.feed(chunk);
    } finally {
      this.#lent = undefined;
      giveBack(lent);
    }
  }

  /** Of the framer. A PDU that was cut in two was put together elsewhere. */
  rpc(run: Buffer): void {
    const lent = this.#lent;
    if (lent === undefined || run.buffer !== lent.buffer.buffer) return this.#taker.rpc(run, undefined);
    lent.users++;
    this.#taker.rpc(run, lent);
  }

  /** Of the framer. */
  rts(pdu: Buffer): void {
    this.#taker.rts(this.#lent === undefined ? pdu : Buffer.from(pdu));
  }
}
