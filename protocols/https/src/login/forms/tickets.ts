// What makes a form ours: a ticket in the page, bound to a cookie that only this host can set, and good for an hour. Another
// site can neither read the one nor set the other, so it cannot log a browser in as somebody else, or out. Never throws for what
// came from outside.

import { randomBytes, timingSafeEqual } from "node:crypto";
import type { Clock } from "@postern/contracts";
import { createSealer, type Sealer } from "../../seal.ts";

const LABEL = "postern forms ticket";
const LIFE_MS = 3_600_000;
const ID_BYTES = 16;
const TIME_BYTES = 4;

export class Tickets {
  readonly #clock: Clock;
  readonly #sealer: Sealer;

  constructor(secret: Buffer, clock: Clock) {
    this.#clock = clock;
    this.#sealer = createSealer(secret, LABEL);
  }

  /** For a page: the cookie's value, which stays the same for all pages of a browser, and the ticket. */
  make(cookie: string | undefined): { readonly cookie: string; readonly ticket: string } {
    const id = idOf(cookie) ?? randomBytes(ID_BYTES);
    const time = Buffer.alloc(TIME_BYTES);
    time.writeUInt32BE(Math.floor(this.#clock.now() / 1000));
    return { cookie: id.toString("base64url"), ticket: this.#sealer.seal(Buffer.concat([time, id])) };
  }

  isGood(ticket: string, cookie: string | undefined): boolean {
    const id = idOf(cookie);
    const plain = this.#sealer.open(ticket);
    if (id === undefined || plain?.length !== TIME_BYTES + ID_BYTES) return false;
    const age = this.#clock.now() - plain.readUInt32BE() * 1000;
    return timingSafeEqual(plain.subarray(TIME_BYTES), id) && age < LIFE_MS;
  }
}

function idOf(cookie: string | undefined): Buffer | undefined {
  if (cookie === undefined) return undefined;
  const id = Buffer.from(cookie, "base64url");
  return id.length === ID_BYTES ? id : undefined;
}
