// Forwards one request over one connection to a backend, and its answer back, as it comes: nothing is gathered, nothing waits
// for more. It decides what a broken connection means: whether the client has had a part of the answer already, and whether
// the request could be sent again. Which backend, and who is there, is serve.ts's business. Never throws.

import type { Duplex } from "node:stream";
import { Failure, toFailure, type Leg, type Timer } from "@postern/contracts";
import type { Lending } from "@postern/core";
import { listOf, type AnswerHead, type Fields } from "@postern/http";
import { addedTo } from "./added-fields.ts";
import type { AnswerTaker, BackConnection, BackRequest } from "./backends.ts";
import { bindTo } from "./binding.ts";
import { isChannel } from "./channels.ts";
import type { Errand } from "./errand.ts";
import { answerFields, switchFields } from "./forwarded-fields.ts";
import type { House } from "./house.ts";
import { becomesBound, isConnectionBound } from "./login/connection-bound.ts";
import { toldLines } from "./told.ts";
import { tunnel } from "./tunnel.ts";

export type Outcome =
  /** The client has its answer, or as much as there is of it. */
  | { readonly kind: "answered"; readonly failure?: Failure }
  /** The client has heard nothing yet. */
  | { readonly kind: "failed"; readonly failure: Failure; readonly wasSent: boolean; readonly wasStale: boolean }
  /** The login was not good enough, and who let it in has a failure to be told. */
  | { readonly kind: "refused"; readonly failure: Failure }
  /** The backend does not know this folder, and the gateway can answer instead: nothing was told yet. */
  | { readonly kind: "unknown-folder" };

/** With these a backend says that it does not know a folder. */
const UNKNOWN: ReadonlySet<number> = new Set([404, 405, 410, 501]);

/** `fields`: of the request, as this backend is to see them. */
export function forward(errand: Errand, connection: BackConnection, fields: Fields, house: House): Promise<Outcome> {
  return new Promise((resolve) => {
    const { exchange, body } = errand;
    const forwarding = new Forwarding(errand, connection, house, resolve);
    if (exchange.answer.isOver) return forwarding.gone();
    exchange.answer.onDrain = () => forwarding.drained();
    exchange.answer.onGone = () => forwarding.gone();
    connection.ask(requestTo(errand, connection.leg, fields, house), body, forwarding);
  });
}

/** An extended CONNECT (RFC 8441) is a GET with Upgrade in HTTP/1.1. */
function requestTo({ exchange, service }: Errand, leg: Leg, fields: Fields, { kept, settings }: House): BackRequest {
  const { request, client } = exchange;
  const { method, target, upgrade, version } = request;
  return {
    method: version === "2" && upgrade !== undefined ? "GET" : method,
    target,
    fields,
    told: leg.forwardClient ? toldLines(client, request, settings.remoteUser) : undefined,
    idleMs: service.idleMs,
    isUpgrade: upgrade !== undefined,
    isStripped: kept.isStripped,
  };
}

class Forwarding implements AnswerTaker {
  readonly #errand: Errand;
  readonly #connection: BackConnection;
  readonly #house: House;
  readonly #resolve: (outcome: Outcome) => void;
  /** While a failed login is held back: what is to be written then. */
  #waiting: (() => void)[] | undefined;
  #held: Timer | undefined;
  #isOver = false;

  constructor(errand: Errand, connection: BackConnection, house: House, resolve: (outcome: Outcome) => void) {
    this.#errand = errand;
    this.#connection = connection;
    this.#house = house;
    this.#resolve = resolve;
  }

  /** Body and answer end when they end: an early end is none of anybody's faults, and what was sent before it is delivered. */
  get #isChannel(): boolean {
    return isChannel(this.#errand.exchange.request, this.#errand.service);
  }

  inform(status: number, fields: Fields): void {
    const { exchange } = this.#errand;
    exchange.answer.inform(status, answerFields(fields, [], exchange.request, exchange.client.session.tls !== undefined));
  }

  head(head: AnswerHead, length: number | undefined): void {
    const { exchange, admission, service } = this.#errand;
    if (service.own?.when === "auto" && UNKNOWN.has(head.status)) return this.#abandon({ kind: "unknown-folder" });
    // The client and the backend settle the login between them.
    if (service.authentication === "pass" && (isConnectionBound(exchange.request.fields) || becomesBound(head))) {
      if (exchange.client.isShared) return this.#sendElsewhere(head.status);
      bindTo(exchange.client, this.#connection);
      if (listOf(head.fields, "connection").includes("close")) exchange.client.closeSoon();
    }
    const waitMs = admission.answered(head.status, head.fields);
    if (waitMs <= 0) return this.#begin(head, length);
    this.#waiting = [() => this.#begin(head, length)];
    this.#held = this.#house.clock.after(waitMs, () => this.#goOn());
  }

  data(chunk: Buffer, lent?: Lending): boolean {
    const { answer } = this.#errand.exchange;
    if (this.#waiting === undefined) return answer.write(chunk, lent);
    this.#waiting.push(() => answer.write(chunk));
    return false;
  }

  end(trailers: Fields): void {
    if (this.#waiting !== undefined) return void this.#waiting.push(() => this.#finish(trailers));
    this.#finish(trailers);
  }

  failed(failure: Failure, wasSent: boolean): void {
    const { answer } = this.#errand.exchange;
    const wasStale = this.#connection.isReused && failure.kind === "backend-lost";
    if (this.#waiting === undefined && answer.status === undefined)
      return this.#over({ kind: "failed", failure, wasSent, wasStale });
    const cut = (): void => {
      if (this.#isChannel) answer.leave();
      else answer.cut();
      this.#over(this.#isChannel && failure.kind === "backend-lost" ? { kind: "answered" } : { kind: "answered", failure });
    };
    if (this.#waiting === undefined) cut();
    else this.#waiting.push(cut);
  }

  switched(head: AnswerHead, stream: Duplex, early: Buffer): void {
    const { exchange, service } = this.#errand;
    const more = addedTo(this.#errand, this.#connection.leg, this.#house);
    const fields = switchFields(head.fields, more, exchange.request, exchange.client.session.tls !== undefined);
    try {
      const client = exchange.answer.switch({ status: head.status, reason: head.reason, fields });
      void tunnel(client, { stream, early }, service.idleMs, this.#house.clock).then(() => this.#over({ kind: "answered" }));
    } catch (error) {
      stream.destroy();
      this.failed(toFailure(error), true);
    }
  }

  drained(): void {
    if (!this.#isOver) this.#connection.resume();
  }

  /** The client has left. */
  gone(): void {
    if (this.#isChannel) return this.#left();
    this.#abandon({ kind: "answered", failure: new Failure("client-gone", "The client left before it had its answer") });
  }

  /**
   * The client comes again over HTTP/1.1, by itself: only with what was not done. A login that a backend keeps, and that nobody
   * of several users has asked for, is nobody's.
   */
  #sendElsewhere(status: number): void {
    const { exchange } = this.#errand;
    const { method, upgrade } = exchange.request;
    if (status !== 401 && method !== "GET" && method !== "HEAD" && upgrade === undefined) {
      const { leg } = this.#connection;
      this.#connection.drop();
      return this.failed(new Failure("backend-garbled", `${leg.backend}: it keeps a login that nobody has sent`), true);
    }
    exchange.answer.requireHttp11();
    this.#abandon({ kind: "answered" });
  }

  #begin(head: AnswerHead, length: number | undefined): void {
    const { exchange, admission } = this.#errand;
    const { leg } = this.#connection;
    const last = head.status === 401 ? admission.refused(leg) : undefined;
    if (last !== undefined) return this.#abandon(last === "answered" ? { kind: "answered" } : { kind: "refused", failure: last });
    const fields = answerFields(
      head.fields,
      addedTo(this.#errand, leg, this.#house),
      exchange.request,
      exchange.client.session.tls !== undefined,
    );
    exchange.answer.begin({ status: head.status, reason: head.reason, fields }, length);
  }

  #goOn(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    if (this.#isOver) return;
    try {
      for (const write of waiting) if (!this.#isOver) write();
    } catch (error) {
      this.#connection.drop();
      this.failed(toFailure(error), true);
    }
    if (!this.#isOver) this.#connection.resume();
  }

  #finish(trailers: Fields): void {
    this.#errand.exchange.answer.end(trailers);
    this.#over({ kind: "answered" });
  }

  /** Its last PDUs may still be on their way to the backend. */
  #left(): void {
    if (this.#isOver) return;
    this.#connection.leave();
    this.#over({ kind: "answered" });
  }

  #abandon(outcome: Outcome): void {
    if (this.#isOver) return;
    this.#connection.drop();
    this.#over(outcome);
  }

  #over(outcome: Outcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#held?.cancel();
    const { answer } = this.#errand.exchange;
    answer.onDrain = undefined;
    answer.onGone = undefined;
    this.#resolve(outcome);
  }
}
