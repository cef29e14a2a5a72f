// Both ends of RPC over HTTP's flow control ([MS-RPCH] sections 3.2.1.1.4, 3.2.1.1.5), for tests. Only RPC PDUs count. Throws Error when the
// other side breaks its word.

import { FRAGMENT } from "./pdus.ts";

/** What may be sent. */
export class Sending {
  sent = 0;
  room: number;
  readonly #size: number;

  constructor(size: number) {
    this.#size = size;
    this.room = size;
  }

  take(octets: number): void {
    this.sent += octets;
    this.room -= octets;
  }

  acknowledged(received: number, available: number): void {
    const room = available - (this.sent - received);
    if (received > this.sent || room < 0 || room > this.#size)
      throw new Error(
        `An impossible acknowledgement: ${received} received, ${available} free, of ${this.#size}; ${this.sent} sent`,
      );
    this.room = room;
  }
}

/** What may come. */
export class Receiving {
  received = 0;
  queued = 0;
  readonly #size: number;
  #limit: number;

  constructor(size: number) {
    this.#size = size;
    this.#limit = size;
  }

  arrived(octets: number): void {
    this.received += octets;
    this.queued += octets;
    if (this.received > this.#limit) throw new Error(`${this.received} octets came, where ${this.#limit} were allowed`);
  }

  /** Consumed. The acknowledgement that is due, when one is. */
  freed(octets: number): { readonly received: number; readonly available: number } | undefined {
    this.queued -= octets;
    // A fragment must always fit, or both sides wait for each other.
    if (this.#limit - this.received >= Math.max(this.#size / 2, FRAGMENT)) return undefined;
    const available = this.#size - this.queued;
    if (this.received + available <= this.#limit) return undefined;
    this.#limit = this.received + available;
    return { received: this.received, available };
  }
}
