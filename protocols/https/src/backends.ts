// The words between what forwards requests and the connections to backends (back/): what a backend is asked, who takes its
// answer, and one connection, for one request at a time.

import type { Duplex } from "node:stream";
import { bracketHost, type Failure, type Leg, type Session } from "@postern/contracts";
import type { Lending } from "@postern/core";
import type { AnswerHead, Fields, ReadyLines } from "@postern/http";
import type { Answer, RequestBody } from "./exchange.ts";

/** What is there at once most of the time, and is not waited for then. */
export type Soon<T> = T | Promise<T>;

/** What a backend is called where no client says it. */
export const hostOf = ({ serverName, host }: Leg): string => bracketHost(serverName ?? host);

/** Decides by a field's name in small letters. */
export type FieldFilter = (lower: string) => boolean;

/** What a backend is asked. */
export interface BackRequest {
  readonly method: string;
  readonly target: string;
  /** Complete but for the framing of the body, which the connection adds. */
  readonly fields: Fields;
  /** What the gateway says of the client, behind them. */
  readonly told: ReadyLines | undefined;
  /** Milliseconds without a byte of the answer, once the request is out; 0: no limit. */
  readonly idleMs: number;
  /** An upgrade is asked for: 101 ends HTTP on this connection. */
  readonly isUpgrade: boolean;
  /** Trailers that are not passed on. */
  readonly isStripped: FieldFilter;
}

/** Who takes a backend's answer. Exactly one of end, failed, switched is the last call. */
export interface AnswerTaker {
  inform(status: number, fields: Fields): void;
  /** `length`: bytes of the body that follows; undefined: not known. The fields are as the backend sent them. */
  head(head: AnswerHead, length: number | undefined): void;
  /** False: no more until resume(). `lent`: as of a BodySink. */
  data(chunk: Buffer, lent?: Lending): boolean;
  end(trailers: Fields): void;
  /** No answer, or not all of it. `wasSent`: the backend may have seen the request, or part of it. */
  failed(failure: Failure, wasSent: boolean): void;
  /** `stream` is the taker's, paused, to be read by readBy (core). */
  switched(head: AnswerHead, stream: Duplex, early: Buffer): void;
}

/** A connection to a backend, for one request at a time. */
export interface BackConnection {
  readonly leg: Leg;
  /** It waited in the pool: that it has died meanwhile is no sign of a dead backend. */
  readonly isReused: boolean;
  /** It can take a request now. */
  readonly isFree: boolean;
  /** It belongs to one client's connection from now on: it never goes back to the pool. `whenClosed` is called once, when it is gone. */
  pin(whenClosed: () => void): void;
  /** Sends a request; behind its answer the connection goes back to the pool, unless it is pinned or either side ends it. */
  ask(request: BackRequest, body: RequestBody | undefined, taker: AnswerTaker): void;
  /** The taker can go on. */
  resume(): void;
  /** Hangs up: the taker hears nothing more. */
  drop(): void;
  /** The same, behind all that was given to it. */
  leave(): void;
}

/** The connections to all backends. */
export interface Backs {
  /**
   * A connection that can take a request. `isFresh`: not one that waited. `answer`: when it is over, nobody wants the
   * connection any more. Failure: backend-unreachable, backend-silent, backend-tls, backend-busy, client-gone.
   */
  take(leg: Leg, session: Session, isFresh: boolean, answer?: Pick<Answer, "isOver">): Soon<BackConnection>;
  close(): void;
}
