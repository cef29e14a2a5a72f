// One direction of an RPC connection on its way through: finds the PDUs in the stream, lets them pass as they came, without a copy,
// and keeps back only those that somebody has to see whole. It never waits for the end of a PDU that may pass: of one that is
// refused at most a part of the header has left. Nothing grows beyond one PDU. Never throws: who broke the rules is told by broken().

import { toFailure, type Failure } from "@postern/contracts";
import { giveBack, type Lending, type Reader } from "@postern/core";
import { HEADER_SIZE, lengthAt } from "@postern/dcerpc";
import type { Socket } from "node:net";

export interface GateRules {
  /** Sees each header. True: the PDU is given to take() before it goes on. Failure: it must not pass. */
  wants(type: number, authLength: number): boolean;
  /** A whole PDU. Failure: it must not pass. */
  take(pdu: Buffer): void;
  /** Nothing more passes. `callId`: of the PDU that was refused; undefined: it is none. */
  broken(failure: Failure, callId: number | undefined): void;
}

/** A PDU that is kept back. */
interface Kept {
  readonly pdu: Buffer;
  filled: number;
  /** So much of its header has gone on. */
  readonly sent: number;
}

export class Gate implements Reader {
  /** Who gets what passes. */
  target: Reader;
  /** Of the latest PDU that has begun. */
  callId = 0;
  readonly #rules: GateRules;
  /** Octets to come of the PDU that passes. */
  #left = 0;
  /** A header that came in pieces. */
  readonly #head = Buffer.alloc(HEADER_SIZE);
  #headFilled = 0;
  #kept: Kept | undefined;
  /** The rules are being asked about the PDU with this id. */
  #asked: number | undefined;
  #isShut = false;

  constructor(target: Reader, rules: GateRules) {
    this.target = target;
    this.#rules = rules;
  }

  /** No PDU has begun that is not complete. */
  get isBetween(): boolean {
    return this.#left === 0 && this.#headFilled === 0 && this.#kept === undefined;
  }

  /** From now on what comes is thrown away. */
  shut(): void {
    this.#isShut = true;
  }

  feed(chunk: Buffer, lent: Lending | undefined, socket: Socket): boolean {
    try {
      const passing = this.#kept === undefined && !this.#isShut ? this.#walk(chunk) : 0;
      if (this.#kept === undefined && !this.#isShut) return this.target.feed(chunk, lent, socket);
      const copy = Buffer.from(chunk);
      if (lent !== undefined) giveBack(lent);
      return this.#isShut || this.#sift(copy, passing, socket);
    } catch (error) {
      this.#isShut = true;
      this.#rules.broken(toFailure(error), this.#asked);
      return true;
    }
  }

  /** Up to where the bytes pass: their end, or the beginning of a PDU that is kept back. */
  #walk(bytes: Buffer): number {
    for (let at = 0; at < bytes.length;) {
      if (this.#left > 0) {
        const passed = Math.min(this.#left, bytes.length - at);
        this.#left -= passed;
        at += passed;
        continue;
      }
      const isWhole = this.#headFilled === 0 && bytes.length - at >= HEADER_SIZE;
      const sent = this.#headFilled;
      if (!isWhole) this.#headFilled += bytes.copy(this.#head, sent, at, at + HEADER_SIZE - sent);
      if (!isWhole && this.#headFilled < HEADER_SIZE) return bytes.length;
      this.#headFilled = 0;
      if (this.#begins(isWhole ? bytes : this.#head, isWhole ? at : 0, sent)) return at;
      this.#left -= sent;
    }
    return bytes.length;
  }

  /** A PDU whose header is at `at`. True: it is kept back. */
  #begins(bytes: Buffer, at: number, sent: number): boolean {
    const length = lengthAt(bytes, at);
    this.callId = bytes.readUInt32LE(at + 12);
    this.#asked = this.callId;
    const isWanted = this.#rules.wants(bytes.readUInt8(at + 2), bytes.readUInt16LE(at + 10));
    this.#asked = undefined;
    if (!isWanted) {
      this.#left = length;
      return false;
    }
    const pdu = Buffer.allocUnsafe(length);
    bytes.copy(pdu, 0, at, at + sent);
    this.#kept = { pdu, filled: sent, sent };
    return true;
  }

  /** As feed(), where a PDU is kept back: `passing` octets were found to pass. */
  #sift(bytes: Buffer, passing: number, socket: Socket): boolean {
    const pieces = [bytes.subarray(0, passing)];
    for (let at = passing; at < bytes.length;) {
      if (this.#kept !== undefined) at += this.#fill(this.#kept, bytes, at, pieces);
      else {
        const rest = bytes.subarray(at);
        const passes = this.#walk(rest);
        pieces.push(rest.subarray(0, passes));
        at += passes;
      }
    }
    const out = Buffer.concat(pieces);
    return out.length === 0 || this.target.feed(out, undefined, socket);
  }

  #fill(kept: Kept, bytes: Buffer, at: number, pieces: Buffer[]): number {
    const { pdu, sent } = kept;
    const filled = bytes.copy(pdu, kept.filled, at);
    kept.filled += filled;
    if (kept.filled < pdu.length) return filled;
    this.#asked = pdu.readUInt32LE(12);
    this.#rules.take(pdu);
    this.#asked = undefined;
    this.#kept = undefined;
    pieces.push(pdu.subarray(sent));
    return filled;
  }
}
