// Finds PDUs in a stream that comes in any pieces. What comes whole is handed on as it lies in its piece, many PDUs as one slice;
// only a PDU that is cut in two is put together, by one copy. Nothing grows beyond one PDU. Failure: syntax.

import { HEADER_SIZE, lengthAt, PDU_TYPES } from "./header.ts";

export interface PduTaker {
  /** One or more whole PDUs that are not RTS, one behind the other, as they came. */
  rpc(bytes: Buffer): void;
  /** One RTS PDU. */
  rts(pdu: Buffer): void;
}

export class PduFramer {
  readonly #taker: PduTaker;
  /** The beginning of a PDU: as long as a header first, and as the PDU from then on. */
  #part: Buffer | undefined;
  #filled = 0;

  constructor(taker: PduTaker) {
    this.#taker = taker;
  }

  /** No PDU has begun that is not complete. */
  get isBetween(): boolean {
    return this.#filled === 0;
  }

  /** Failure: syntax; there is no way on behind it. */
  feed(chunk: Buffer): void {
    let from = this.#filled === 0 ? 0 : this.#complete(chunk);
    let at = from;
    while (chunk.length - at >= HEADER_SIZE) {
      const length = lengthAt(chunk, at);
      if (chunk.length - at < length) break;
      if (chunk[at + 2] === PDU_TYPES.rts) {
        this.#hand(chunk, from, at);
        from = at + length;
        this.#taker.rts(chunk.subarray(at, from));
      }
      at += length;
    }
    this.#hand(chunk, from, at);
    if (at < chunk.length) this.#keep(chunk, at);
  }

  #hand(chunk: Buffer, from: number, to: number): void {
    if (to > from) this.#taker.rpc(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to));
  }

  /** The index behind what the PDU that had begun takes of this chunk. */
  #complete(chunk: Buffer): number {
    const at = this.#keep(chunk, 0);
    const part = this.#part;
    if (part === undefined || this.#filled < HEADER_SIZE || this.#filled < part.length) return at;
    this.#part = undefined;
    this.#filled = 0;
    if (part[2] === PDU_TYPES.rts) this.#taker.rts(part);
    else this.#taker.rpc(part);
    return at;
  }

  #keep(chunk: Buffer, from: number): number {
    let at = from;
    if (this.#filled < HEADER_SIZE) {
      const header = (this.#part ??= Buffer.allocUnsafe(HEADER_SIZE));
      at = this.#fill(header, chunk, at);
      if (this.#filled < HEADER_SIZE) return at;
      this.#part = Buffer.allocUnsafe(lengthAt(header, 0));
      header.copy(this.#part);
    }
    return this.#part === undefined ? at : this.#fill(this.#part, chunk, at);
  }

  #fill(part: Buffer, chunk: Buffer, at: number): number {
    const copied = chunk.copy(part, this.#filled, at, at + part.length - this.#filled);
    this.#filled += copied;
    return at + copied;
  }
}
