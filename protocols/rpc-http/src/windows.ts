// Flow control of RPC over HTTP ([MS-RPCH] section 3.2.1.1.4 and 3.2.1.5.1): how much RPC may be on its way on a channel without an
// acknowledgement. Only RPC PDUs count, and neither their number nor RTS. Counts are of 32 bits and wrap.

import { Failure } from "@postern/contracts";

/** Of an acknowledgement: all octets so far, and how many more may come. */
export interface Acknowledgement {
  readonly received: number;
  readonly available: number;
}

/** Room for a usual fragment is always told, or the sender would wait for ever. */
const FRAGMENT_ROOM = 8 * 1024;

/** Of what we receive. */
export class ReceiveWindow {
  readonly size: number;
  /** Below this the sender is told of more, of so much at least. */
  readonly #low: number;
  readonly #least: number;
  #received = 0;
  #queued = 0;
  /** How many more the sender may send, as it was told. */
  #told: number;

  constructor(size: number) {
    this.size = size;
    this.#told = size;
    this.#low = Math.max(size / 2, Math.min(size, FRAGMENT_ROOM));
    // When nothing waits any more, there is always so much.
    this.#least = size - Math.ceil(this.#low) + 1;
  }

  /** Octets that wait to be passed on. */
  get queued(): number {
    return this.#queued;
  }

  /** Failure syntax: more than the sender was told. */
  arrived(octets: number): void {
    if (octets > this.#told) throw new Failure("syntax", `RPC: ${octets} octets in a window that has room for ${this.#told}`);
    this.#told -= octets;
    this.#queued += octets;
    this.#received = (this.#received + octets) >>> 0;
  }

  /** They were passed on. What is due now, or undefined: the sender has room enough, or would be told of little more than it has. */
  freed(octets: number): Acknowledgement | undefined {
    this.#queued -= octets;
    const available = this.size - this.#queued;
    if (this.#told >= this.#low || available - this.#told < this.#least) return undefined;
    this.#told = available;
    return { received: this.#received, available: this.#told };
  }
}

/** Of what we send: the window of who receives it. */
export class SendWindow {
  readonly #size: number;
  #sent = 0;
  #room: number;

  constructor(size: number) {
    this.#size = size;
    this.#room = size;
  }

  /** Octets that may be sent now. */
  get room(): number {
    return this.#room;
  }

  /** Throws Error: only a defect sends more than there is room for. */
  sent(octets: number): void {
    if (octets > this.#room) throw new Error(`${octets} octets sent into a window that has room for ${this.#room}`);
    this.#room -= octets;
    this.#sent = (this.#sent + octets) >>> 0;
  }

  /** Failure syntax: it cannot be true. */
  acknowledged(received: number, available: number): void {
    const onItsWay = (this.#sent - received) >>> 0;
    if (available > this.#size || onItsWay > available)
      throw new Failure("syntax", `RPC: a window of ${available} octets with ${onItsWay} on their way, of ${this.#size}`);
    this.#room = available - onItsWay;
  }
}
