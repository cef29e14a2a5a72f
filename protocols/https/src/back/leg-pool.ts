// The connections of one leg: those that rest (the one used last goes out first), those that serve a request, and who waits
// for a place. A place is a request under way, a pinned connection's too; at rest nothing takes one. One timer closes what has
// rested too long. Failure: backend-busy, backend-lost, and what `reach` throws.

import { Failure, legText, toFailure, type Leg, type Session, type Timer } from "@postern/contracts";
import { reach } from "@postern/core";
import type { AnswerHead } from "@postern/http";
import { becomesBound } from "../login/connection-bound.ts";
import type { BackConnection, Soon } from "../backends.ts";
import type { Answer } from "../exchange.ts";
import type { BacksParts } from "./backs.ts";
import { Loan, type Lender } from "./loan.ts";
import { restMs } from "./persistence.ts";
import { goneBefore, Wire, type WireOwner, type WireParts } from "./wire.ts";

interface Resting {
  readonly wire: Wire;
  readonly until: number;
}

type Waiter = () => void;

export class LegPool implements Lender, WireOwner {
  readonly #leg: Leg;
  readonly #parts: BacksParts;
  readonly #wireParts: WireParts;
  readonly #empty: () => void;
  /** The one used last at the end. */
  readonly #resting: Resting[] = [];
  readonly #waiters = new Set<Waiter>();
  /** Requests under way, and dials. */
  #places = 0;
  /** Connections, whoever has them. */
  #wires = 0;
  #sweep: Timer | undefined;
  #keeps: boolean;

  /** `empty` is told when nothing is left of it. */
  constructor(leg: Leg, parts: BacksParts, wireParts: WireParts, empty: () => void) {
    this.#leg = leg;
    this.#parts = parts;
    this.#wireParts = wireParts;
    this.#empty = empty;
    // A PROXY header names one client for as long as the connection lives.
    this.#keeps = leg.proxyHeader === "none" && parts.settings.idle > 0;
  }

  /** `leg`: as the borrower knows it; it may differ in what makes no other connection. */
  take(leg: Leg, session: Session, isFresh: boolean, answer?: Pick<Answer, "isOver">): Soon<BackConnection> {
    if (this.#places >= this.#parts.settings.perBackend) return this.#takeInTurn(leg, session, isFresh, answer);
    this.#places += 1;
    return this.#lend(leg, session, isFresh);
  }

  /** Nothing rests any more; requests under way go on. */
  close(): void {
    this.#keeps = false;
    for (const { wire } of this.#resting.splice(0)) wire.drop();
  }

  enter(): void {
    this.#places += 1;
  }

  leave(): void {
    const [first] = this.#waiters;
    if (first !== undefined && this.#places <= this.#parts.settings.perBackend) return first();
    this.#places -= 1;
    this.#forget();
  }

  rest(wire: Wire, answer: AnswerHead): void {
    const { clock, settings } = this.#parts;
    wire.owner = this;
    const ms = restMs(answer, settings.idle);
    const isSomebodys = wire.isPersonal || becomesBound(answer);
    if (!this.#keeps || isSomebodys || ms === 0 || settings.idlePerBackend === 0) return wire.drop();
    if (this.#resting.length >= settings.idlePerBackend) this.#resting.shift()?.wire.drop();
    this.#resting.push({ wire, until: clock.now() + ms });
    this.#sweepLater();
  }

  lose(_wire: Wire): void {
    this.#wires -= 1;
    this.#forget();
  }

  /** Of those that rest: nobody asks them. */
  rests(): void {}

  /** One that rested. */
  gone(wire: Wire): void {
    const index = this.#resting.findIndex((one) => one.wire === wire);
    if (index !== -1) this.#resting.splice(index, 1);
    this.lose(wire);
  }

  /** In a place that is counted already. */
  #lend(leg: Leg, session: Session, isFresh: boolean): Soon<BackConnection> {
    const wire = isFresh ? undefined : this.#newest();
    return wire === undefined ? this.#dial(leg, session) : new Loan(leg, true, this).hold(wire);
  }

  #newest(): Wire | undefined {
    const now = this.#parts.clock.now();
    for (let one = this.#resting.pop(); one !== undefined; one = this.#resting.pop()) {
      if (one.until > now && one.wire.isFree) return one.wire;
      one.wire.drop();
    }
    return undefined;
  }

  async #dial(leg: Leg, session: Session): Promise<BackConnection> {
    const { clock, health } = this.#parts;
    const client = { source: session.client, destination: session.local, tls: session.tls };
    try {
      const socket = await reach(leg, { clock, client });
      if (socket.destroyed) throw goneBefore(leg);
      health.succeeded(leg);
      this.#wires += 1;
      const loan = new Loan(leg, false, this);
      return loan.hold(new Wire(leg, socket, loan, this.#wireParts));
    } catch (error) {
      const failure = toFailure(error);
      if (failure.row.tryNext) health.failed(leg, failure.message, session.client.host);
      this.leave();
      throw failure;
    }
  }

  /** Who has left in the meantime gives its place to the next. */
  async #takeInTurn(leg: Leg, session: Session, isFresh: boolean, answer?: Pick<Answer, "isOver">): Promise<BackConnection> {
    await this.#turn();
    if (answer?.isOver !== true) return this.#lend(leg, session, isFresh);
    this.leave();
    throw new Failure("client-gone", "The client left while it waited for a place at the backend");
  }

  /** Waits for a place, in order. Failure: backend-busy. */
  #turn(): Promise<void> {
    const { clock, settings } = this.#parts;
    const { perBackend, wait } = settings;
    return new Promise((resolve, reject) => {
      const waiter = (): void => {
        this.#waiters.delete(waiter);
        timer.cancel();
        resolve();
      };
      const timer = clock.after(wait, () => {
        this.#waiters.delete(waiter);
        reject(new Failure("backend-busy", `${legText(this.#leg)}: ${perBackend} requests were under way for ${wait} ms`));
      });
      this.#waiters.add(waiter);
    });
  }

  #sweepLater(): void {
    if (this.#sweep !== undefined || this.#resting.length === 0) return;
    const { clock } = this.#parts;
    const due = Math.max(0, Math.min(...this.#resting.map(({ until }) => until)) - clock.now());
    this.#sweep = clock.after(due, () => {
      this.#sweep = undefined;
      this.#closeOld();
      this.#sweepLater();
    });
  }

  #closeOld(): void {
    const now = this.#parts.clock.now();
    for (const { wire } of this.#resting.filter(({ until }) => until <= now)) wire.drop();
  }

  #forget(): void {
    if (this.#places > 0 || this.#wires > 0) return;
    this.#sweep?.cancel();
    this.#sweep = undefined;
    this.#empty();
  }
}
