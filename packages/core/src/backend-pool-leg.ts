// The connections of one leg: those on loan, those that wait (the one used last goes out first), those being dialled, and
// who waits for a place. All together are never more than perBackend. One timer closes what has waited too long.
// Failure: backend-busy, and what dialling and greeting throw.

import { Failure, legText, toFailure, type Clock, type Leg, type Timer } from "@postern/contracts";
import { dial, type ProxyFacts, type TraceLine } from "@postern/net";
import { Link, Loan, type Back } from "./backend-pool-loan.ts";
import type { BackendPoolParts, PooledBackend } from "./backend-pool.ts";

/** A leg that nobody has used for so many idle times has nothing dialled ahead. */
const WARM = 10;

/** Takes a connection, or the place for one (which is counted already). */
type Waiter<T> = (link: Link<T> | undefined) => void;

export class LegPool<T> {
  readonly #leg: Leg;
  readonly #parts: BackendPoolParts<T>;
  readonly #empty: () => void;
  /** The oldest first. */
  readonly #idle: Link<T>[] = [];
  readonly #waiters = new Set<Waiter<T>>();
  /** On loan, idle, or being dialled. */
  #places = 0;
  #dialledAhead = 0;
  #usedAt = 0;
  #sweep: Timer | undefined;
  /** One that was used may be used again. */
  #keeps: boolean;

  /** `empty` is told when nothing is left of it. */
  constructor(leg: Leg, parts: BackendPoolParts<T>, empty: () => void) {
    this.#leg = leg;
    this.#parts = parts;
    this.#empty = empty;
    this.#keeps = leg.proxyHeader === "none" && parts.settings.idle > 0;
  }

  async take(client: ProxyFacts, trace: TraceLine | undefined): Promise<PooledBackend<T>> {
    this.#usedAt = this.#clock.now();
    const waiting = this.#newest() ?? (this.#takePlace() ? undefined : await this.#turn());
    const link = waiting ?? (await this.#dial(client, trace));
    link.connection.traceLine = trace;
    this.#topUp();
    return new Loan(this.#leg, link, waiting !== undefined, this.#clock, (how) => this.#back(link, how));
  }

  close(): void {
    this.#keeps = false;
    this.#sweep?.cancel();
    for (const link of this.#idle.splice(0)) this.#leave(link);
  }

  get #clock(): Clock {
    return this.#parts.clock;
  }

  /** The connection that was used last, of those that are still well. */
  #newest(): Link<T> | undefined {
    for (let link = this.#idle.pop(); link !== undefined; link = this.#idle.pop()) {
      if (link.isQuiet) return link;
      this.#hangUp(link);
    }
    return undefined;
  }

  #takePlace(): boolean {
    if (this.#places >= this.#parts.settings.perBackend) return false;
    this.#places++;
    return true;
  }

  /** Waits for a connection that is given back, or for a place. Failure: backend-busy. */
  #turn(): Promise<Link<T> | undefined> {
    const { wait, perBackend } = this.#parts.settings;
    return new Promise((resolve, reject) => {
      const waiter: Waiter<T> = (link) => {
        this.#waiters.delete(waiter);
        timer.cancel();
        resolve(link);
      };
      const timer = this.#clock.after(wait, () => {
        this.#waiters.delete(waiter);
        reject(new Failure("backend-busy", `${legText(this.#leg)}: all ${perBackend} connections were in use for ${wait} ms`));
      });
      this.#waiters.add(waiter);
    });
  }

  #nextWaiter(): Waiter<T> | undefined {
    return this.#waiters.values().next().value;
  }

  /** A new connection in a place that is counted already. */
  async #dial(client: ProxyFacts | undefined, trace: TraceLine | undefined): Promise<Link<T>> {
    const leg = this.#leg;
    const { greet, health, limits } = this.#parts;
    let hasAnswered = false;
    try {
      const connection = await dial(leg, { clock: this.#clock, limits, client });
      hasAnswered = true;
      const link = await Link.greeted(connection, leg, { trace, greet, clock: this.#clock });
      health.succeeded(leg);
      return link;
    } catch (error) {
      const failure = toFailure(error);
      if (failure.row.tryNext) health.failed(leg, failure.message, client?.source.host ?? "");
      else if (hasAnswered) health.succeeded(leg);
      this.#free();
      throw failure;
    }
  }

  /** Dials what is missing of those that wait ahead. */
  #topUp(): void {
    const { ahead, perBackend } = this.#parts.settings;
    if (!this.#keeps || this.#waiters.size > 0) return;
    const missing = Math.min(ahead - this.#idle.length - this.#dialledAhead, perBackend - this.#places);
    if (missing <= 0 || this.#parts.health.facts(this.#leg).state === "down") return;
    for (let count = 0; count < missing; count++) void this.#dialAhead();
  }

  async #dialAhead(): Promise<void> {
    this.#places++;
    this.#dialledAhead++;
    try {
      const link = await this.#dial(undefined, undefined);
      this.#offer(link);
    } catch {
      // Health has been told, and nobody waits for it.
    } finally {
      this.#dialledAhead--;
    }
  }

  #back(link: Link<T>, how: Parameters<Back>[0]): void {
    link.connection.deadline(this.#clock, 0, "backend-silent", "");
    if (how === "cut") return this.#hangUp(link);
    if (how === "leave") return this.#leave(link);
    link.connection.traceLine = undefined;
    this.#offer(link);
  }

  /** To who waits first, or to the others that wait to be used. */
  #offer(link: Link<T>): void {
    if (!this.#keeps) return this.#leave(link);
    if (!link.isQuiet) return this.#hangUp(link);
    const waiter = this.#nextWaiter();
    if (waiter !== undefined) return waiter(link);
    link.since = this.#clock.now();
    this.#idle.push(link);
    link.watch(() => this.#stirred(link));
    this.#sweepLater();
  }

  /** The backend has closed it, or said something that nobody asked for. */
  #stirred(link: Link<T>): void {
    const index = this.#idle.indexOf(link);
    if (index === -1) return;
    this.#idle.splice(index, 1);
    this.#hangUp(link);
  }

  #sweepLater(): void {
    const [oldest] = this.#idle;
    if (this.#sweep !== undefined || oldest === undefined) return;
    const due = oldest.since + this.#parts.settings.idle - this.#clock.now();
    this.#sweep = this.#clock.after(due, () => {
      this.#sweep = undefined;
      this.#closeOld();
      this.#sweepLater();
    });
  }

  #closeOld(): void {
    const { idle } = this.#parts.settings;
    const now = this.#clock.now();
    const isWarm = now - this.#usedAt < WARM * idle;
    for (let [oldest] = this.#idle; oldest !== undefined && oldest.since + idle <= now; [oldest] = this.#idle) {
      this.#idle.shift();
      this.#leave(oldest);
    }
    if (isWarm) this.#topUp();
  }

  #leave({ connection }: Link<T>): void {
    this.#parts.leave(connection);
    connection.close(this.#clock);
    this.#free();
  }

  #hangUp({ connection }: Link<T>): void {
    connection.destroy();
    this.#free();
  }

  /** One connection less: its place goes to who waits first. */
  #free(): void {
    const waiter = this.#nextWaiter();
    if (waiter !== undefined) return waiter(undefined);
    this.#places--;
    if (this.#places === 0) this.#empty();
  }
}
