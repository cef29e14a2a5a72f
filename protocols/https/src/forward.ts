// Forwards one request over one connection to a backend, and its answer back, as it comes: nothing is gathered, nothing waits
// for more. It decides what a broken connection means: whether the client has had a part of the answer already, and whether
// the request could be sent again. Which backend, and who is there, is serve.ts's business. Never throws.

import type { Duplex } from "node:stream";
import { Failure, toFailure, type Clock, type Timer } from "@postern/contracts";
import type { Lending } from "@postern/core";
import { listOf, type AnswerHead, type Fields } from "@postern/http";
import { answerFields, switchFields } from "./forwarded-fields.ts";
import { becomesBound } from "./login/connection-bound.ts";
import type { AnswerTaker, BackConnection, BackRequest } from "./backends.ts";
import type { Exchange, RequestBody } from "./exchange.ts";
import type { Admission } from "./parts.ts";
import { tunnel } from "./tunnel.ts";

export type Outcome =
  /** The client has its answer, or as much as there is of it. */
  | { readonly kind: "answered"; readonly failure?: Failure }
  /** The client has heard nothing yet. */
  | { readonly kind: "failed"; readonly failure: Failure; readonly wasSent: boolean }
  /** The login was not good enough, and who let it in has a failure to be told. */
  | { readonly kind: "refused"; readonly failure: Failure }
  /** The backend does not know this folder, and the gateway can answer instead: nothing was told yet. */
  | { readonly kind: "unknown-folder" };

export interface Forwarded {
  readonly exchange: Exchange;
  readonly connection: BackConnection;
  readonly request: BackRequest;
  readonly body: RequestBody | undefined;
  readonly admission: Admission;
  /** The client and the backend settle the login between them. */
  readonly passes: boolean;
  /** The request's login belongs to a connection (NTLM, Negotiate). */
  readonly isBound: boolean;
  /** What the gateway adds to the answer. */
  readonly more: () => Fields;
  /** Body and answer end when they end: an early end is none of anybody's faults, and what was sent before it is delivered. */
  readonly isChannel: boolean;
  /** The gateway can answer itself what the backend does not know. */
  readonly hasOwnAnswer: boolean;
  /** The login at the backend belongs to this connection from now on. */
  readonly bind: (connection: BackConnection) => void;
  readonly clock: Clock;
}

/** With these a backend says that it does not know a folder. */
const UNKNOWN: ReadonlySet<number> = new Set([404, 405, 410, 501]);

export function forward(forwarded: Forwarded): Promise<Outcome> {
  return new Promise((resolve) => {
    const { exchange, connection, request, body } = forwarded;
    const forwarding = new Forwarding(forwarded, resolve);
    if (exchange.answer.isOver) return forwarding.gone();
    exchange.answer.onDrain = () => forwarding.drained();
    exchange.answer.onGone = () => forwarding.gone();
    connection.ask(request, body, forwarding);
  });
}

class Forwarding implements AnswerTaker {
  readonly #of: Forwarded;
  readonly #resolve: (outcome: Outcome) => void;
  /** While a failed login is held back: what is to be written then. */
  #waiting: (() => void)[] | undefined;
  #held: Timer | undefined;
  #isOver = false;

  constructor(of: Forwarded, resolve: (outcome: Outcome) => void) {
    this.#of = of;
    this.#resolve = resolve;
  }

  inform(status: number, fields: Fields): void {
    const { exchange } = this.#of;
    exchange.answer.inform(status, answerFields(fields, [], exchange.request, exchange.client.session.tls !== undefined));
  }

  head(head: AnswerHead, length: number | undefined): void {
    const { exchange, connection, admission, passes, isBound, bind, hasOwnAnswer, clock } = this.#of;
    if (hasOwnAnswer && UNKNOWN.has(head.status)) return this.#abandon({ kind: "unknown-folder" });
    if (isBound || (passes && becomesBound(head))) {
      if (exchange.client.isShared) return this.#sendElsewhere(head.status);
      bind(connection);
      if (listOf(head.fields, "connection").includes("close")) exchange.client.closeSoon();
    }
    const waitMs = admission.answered(head.status, head.fields);
    if (waitMs <= 0) return this.#begin(head, length);
    this.#waiting = [() => this.#begin(head, length)];
    this.#held = clock.after(waitMs, () => this.#goOn());
  }

  data(chunk: Buffer, lent?: Lending): boolean {
    if (this.#waiting === undefined) return this.#of.exchange.answer.write(chunk, lent);
    this.#waiting.push(() => this.#of.exchange.answer.write(chunk));
    return false;
  }

  end(trailers: Fields): void {
    const finish = (): void => {
      this.#of.exchange.answer.end(trailers);
      this.#over({ kind: "answered" });
    };
    if (this.#waiting === undefined) finish();
    else this.#waiting.push(finish);
  }

  failed(failure: Failure, wasSent: boolean): void {
    const { isChannel } = this.#of;
    const { answer } = this.#of.exchange;
    if (this.#waiting === undefined && answer.status === undefined) return this.#over({ kind: "failed", failure, wasSent });
    const cut = (): void => {
      if (isChannel) answer.leave();
      else answer.cut();
      this.#over(isChannel && failure.kind === "backend-lost" ? { kind: "answered" } : { kind: "answered", failure });
    };
    if (this.#waiting === undefined) cut();
    else this.#waiting.push(cut);
  }

  switched(head: AnswerHead, stream: Duplex, early: Buffer): void {
    const { exchange, request, clock } = this.#of;
    const fields = switchFields(head.fields, this.#of.more(), exchange.request, exchange.client.session.tls !== undefined);
    try {
      const client = exchange.answer.switch({ status: head.status, reason: head.reason, fields });
      void tunnel(client, { stream, early }, request.idleMs, clock).then(() => this.#over({ kind: "answered" }));
    } catch (error) {
      stream.destroy();
      this.failed(toFailure(error), true);
    }
  }

  drained(): void {
    if (!this.#isOver) this.#of.connection.resume();
  }

  /** The client has left. */
  gone(): void {
    if (this.#of.isChannel) return this.#left();
    this.#abandon({ kind: "answered", failure: new Failure("client-gone", "The client left before it had its answer") });
  }

  /**
   * The client comes again over HTTP/1.1, by itself: only with what was not done. A login that a backend keeps, and that nobody
   * of several users has asked for, is nobody's.
   */
  #sendElsewhere(status: number): void {
    const { exchange, request, connection } = this.#of;
    if (status !== 401 && request.method !== "GET" && request.method !== "HEAD") {
      connection.drop();
      return this.failed(
        new Failure("backend-garbled", `${connection.leg.backend}: it keeps a login that nobody has sent`),
        true,
      );
    }
    exchange.answer.requireHttp11();
    this.#abandon({ kind: "answered" });
  }

  #begin(head: AnswerHead, length: number | undefined): void {
    const { exchange, connection, admission, more } = this.#of;
    const last = head.status === 401 ? admission.refused(connection.leg) : undefined;
    if (last !== undefined) return this.#abandon(last === "answered" ? { kind: "answered" } : { kind: "refused", failure: last });
    const fields = answerFields(head.fields, more(), exchange.request, exchange.client.session.tls !== undefined);
    exchange.answer.begin({ status: head.status, reason: head.reason, fields }, length);
  }

  #goOn(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    if (this.#isOver) return;
    try {
      for (const write of waiting) if (!this.#isOver) write();
    } catch (error) {
      this.#of.connection.drop();
      this.failed(toFailure(error), true);
    }
    if (!this.#isOver) this.#of.connection.resume();
  }

  /** Its last PDUs may still be on their way to the backend. */
  #left(): void {
    if (this.#isOver) return;
    this.#of.connection.leave();
    this.#over({ kind: "answered" });
  }

  #abandon(outcome: Outcome): void {
    if (this.#isOver) return;
    this.#of.connection.drop();
    this.#over(outcome);
  }

  #over(outcome: Outcome): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#held?.cancel();
    const { answer } = this.#of.exchange;
    answer.onDrain = undefined;
    answer.onGone = undefined;
    this.#resolve(outcome);
  }
}
