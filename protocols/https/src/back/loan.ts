// A connection to a backend in the hands of one request, or of one client's connection once it is pinned. It is let go of
// with the end of the answer: what its borrower still calls then reaches nobody else's request.

import type { AnswerHead } from "@postern/http";
import type { Leg } from "@postern/contracts";
import type { AnswerTaker, BackConnection, BackRequest } from "../backends.ts";
import type { RequestBody } from "../exchange.ts";
import { goneBefore, type Wire, type WireOwner } from "./wire.ts";

/** The pool that it comes from. */
export interface Lender {
  /** One request more, which does not wait. */
  enter(): void;
  /** One request less. */
  leave(): void;
  /** Takes the connection back. */
  rest(wire: Wire, answer: AnswerHead): void;
  /** It is closed. */
  lose(wire: Wire): void;
}

export class Loan implements BackConnection, WireOwner {
  readonly leg: Leg;
  readonly isReused: boolean;
  readonly #lender: Lender;
  #wire: Wire | undefined;
  /** It counts as a request of the backend. */
  #isCounted = true;
  #whenClosed: (() => void) | undefined;

  constructor(leg: Leg, isReused: boolean, lender: Lender) {
    this.leg = leg;
    this.isReused = isReused;
    this.#lender = lender;
  }

  /** Begins with it. */
  hold(wire: Wire): this {
    this.#wire = wire;
    wire.owner = this;
    return this;
  }

  get isFree(): boolean {
    return this.#wire?.isFree === true;
  }

  pin(whenClosed: () => void): void {
    if (this.#wire === undefined) throw new Error("Only a connection that is there can be pinned");
    this.#whenClosed = whenClosed;
  }

  ask(request: BackRequest, body: RequestBody | undefined, taker: AnswerTaker): void {
    if (this.#wire === undefined) return taker.failed(goneBefore(this.leg), false);
    if (!this.#isCounted) this.#lender.enter();
    this.#isCounted = true;
    this.#wire.ask(request, body, taker);
  }

  resume(): void {
    this.#wire?.resume();
  }

  drop(): void {
    this.#wire?.drop();
  }

  leave(): void {
    this.#wire?.leave();
  }

  rests(wire: Wire, answer: AnswerHead): void {
    if (this.#whenClosed === undefined) {
      this.#wire = undefined;
      this.#lender.rest(wire, answer);
    }
    this.#uncount();
  }

  gone(wire: Wire): void {
    this.#wire = undefined;
    this.#lender.lose(wire);
    this.#uncount();
    this.#whenClosed?.();
  }

  #uncount(): void {
    if (this.#isCounted) this.#lender.leave();
    this.#isCounted = false;
  }
}
