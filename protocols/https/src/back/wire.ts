// One socket to a backend, for one request after the other: writes the request, lets its body flow, reads the answer, and
// says whether another request may follow. Never reconnects, never sends anything twice. What the backend sends while nothing
// was asked is nobody's answer: the socket is closed (response queue poisoning).
// Failure, given to the taker: backend-lost, backend-garbled, backend-silent, and what broke the request's body.

import type { Socket } from "node:net";
import { Failure, legText, toFailure, type FailureKind, type Leg, type Logger } from "@postern/contracts";
import { flushReads, readBy, restReads, type Lending, type Reader } from "@postern/core";
import { HttpProblem, type AnswerHead, type HeadLimits } from "@postern/http";
import type { AnswerTaker, BackRequest } from "../backends.ts";
import type { RequestBody } from "../exchange.ts";
import { AnswerReader } from "./answer-reader.ts";
import { BodySender } from "./body-sender.ts";
import { framedRequest } from "./framed-request.ts";
import { isPersistent } from "./persistence.ts";
import { spareReads } from "./spare-reads.ts";
import type { Watch, Watched } from "./watch.ts";

/** Who has it: a borrower, or the pool. */
export interface WireOwner {
  /** An answer is complete, and another request may follow. The taker hears of the end behind this. */
  rests(wire: Wire, answer: AnswerHead): void;
  /** Called once. A taker has heard of its end before. */
  gone(wire: Wire): void;
}

export interface WireParts {
  readonly limits: HeadLimits;
  readonly watch: Watch;
  readonly logger: Logger;
}

/** So long a backend may take to read the last bytes. */
const LINGER_MS = 5000;

/** What a request is told whose connection is gone before a byte of it was written. */
export function goneBefore(leg: Leg): Failure {
  return new Failure("backend-lost", `${legText(leg)}: closed before the request`);
}

export class Wire implements Watched, Reader {
  readonly leg: Leg;
  readonly #socket: Socket;
  readonly #parts: WireParts;
  readonly #reader: AnswerReader;
  #taker: AnswerTaker | undefined;
  #sender: BodySender | undefined;
  #idleMs = 0;
  /** When the backend did something last, as far as it was looked at; undefined: since the last look. No request asks for the time. */
  #heardAt: number | undefined;
  /** All of the request was written. */
  #isOut = false;
  /** The backend may have seen some of it. */
  #wasSent = false;
  #hasBegun = false;
  #isChunked = false;
  #writesFail = false;
  #isDead = false;
  /** When it was left, with bytes that were still to go out. */
  #leftAt: number | undefined;
  /** The socket is the taker's. */
  #isSwitched = false;
  #error: Error | undefined;
  owner: WireOwner;
  /** It must not be lent to another client: a login may hold for it, or its protocol was to be changed. */
  isPersonal = false;

  /** Takes a paused socket over. */
  constructor(leg: Leg, socket: Socket, owner: WireOwner, parts: WireParts) {
    this.leg = leg;
    this.owner = owner;
    this.#socket = socket;
    this.#parts = parts;
    this.#reader = new AnswerReader(parts.limits);
    spareReads(socket, () => this.#sparesReads());
    socket.on("end", this.#onEnd);
    socket.on("drain", this.#onDrain);
    socket.on("error", this.#onError);
    socket.on("close", this.#onClose);
    // Clients keep the process alive, not the connections that wait for them.
    socket.unref();
    parts.watch.add(this);
    readBy(socket, this);
    socket.resume();
  }

  get isFree(): boolean {
    return this.#taker === undefined && !this.#isDead && !this.#isSwitched && !this.#socket.destroyed;
  }

  ask(request: BackRequest, body: RequestBody | undefined, taker: AnswerTaker): void {
    if (this.#taker !== undefined) throw new Error("A connection takes one request at a time");
    if (!this.isFree) return taker.failed(goneBefore(this.leg), false);
    this.#taker = taker;
    this.#reader.expect(request.method, request.isUpgrade, taker);
    this.#idleMs = request.idleMs;
    this.#heardAt = undefined;
    this.#isOut = body === undefined;
    this.#wasSent = this.#hasBegun = false;
    try {
      this.#write(request, body);
    } catch (error) {
      this.#fail(toFailure(error));
    }
    this.#hasBegun = true;
  }

  /** The taker can go on. */
  resume(): void {
    if (!this.#reader.isHeld) return;
    this.#reader.isHeld = false;
    this.#heardAt = undefined;
    this.#socket.resume();
  }

  /** Hangs up; the taker hears nothing more. */
  drop(): void {
    if (this.#isDead || this.#isSwitched) return;
    this.#close();
    this.owner.gone(this);
  }

  /** The same, behind what was written; a backend that does not take it within a moment loses it. */
  leave(): void {
    if (this.#isDead || this.#isSwitched) return;
    this.#isDead = true;
    this.#leftAt = this.#parts.watch.now();
    this.#settle();
    this.#socket.destroySoon();
    this.owner.gone(this);
  }

  check(now: number): void {
    if (this.#leftAt !== undefined && now - this.#leftAt >= LINGER_MS) this.#socket.destroy();
    if (this.#taker === undefined || this.#idleMs === 0) return;
    const isItsTurn = !this.#reader.isHeld && (this.#isOut || this.#socket.writableNeedDrain);
    if (!isItsTurn) this.#heardAt = now;
    this.#heardAt ??= now;
    if (now - this.#heardAt >= this.#idleMs) this.#fail(this.#failure("backend-silent", `silent for ${this.#idleMs} ms`));
  }

  #write(request: BackRequest, body: RequestBody | undefined): void {
    const { text, isChunked, logsConnectionIn } = framedRequest(request, body);
    this.#isChunked = isChunked;
    // Behind an upgrade that was refused the two sides may not agree on what is spoken.
    this.isPersonal ||= logsConnectionIn || request.isUpgrade;
    // From here on a byte may be out, unless the system refuses the first write.
    this.#wasSent = true;
    if (body === undefined) {
      this.#socket.write(text, "latin1");
      return;
    }
    this.#sender = new BodySender(this.#socket, body, request.isStripped, this);
    this.#socket.cork();
    this.#socket.write(text, "latin1");
    body.start(this.#sender);
    this.#socket.uncork();
  }

  /** Of the body's sender. */
  sent(): void {
    this.#isOut = true;
    this.#heardAt = undefined;
  }

  /** Of the body's sender. */
  broken(failure: Failure): void {
    this.#fail(failure);
  }

  #sparesReads(): boolean {
    if (this.#taker === undefined) return false;
    if (!this.#hasBegun) {
      // Nothing was taken of a write that fails at once; how much TLS has sent by then cannot be seen.
      this.#wasSent = this.leg.tls !== "none";
      return false;
    }
    this.#writesFail = this.#isOut = true;
    this.#sender?.stop();
    return true;
  }

  /** Bytes of the backend. */
  feed(chunk: Buffer, lent: Lending | undefined): boolean {
    if (this.#isDead) return false;
    if (this.#taker === undefined) this.#spokeUnasked();
    else this.#hear(chunk, lent);
    return !this.#socket.isPaused();
  }

  #hear(chunk: Buffer, lent: Lending | undefined): void {
    this.#heardAt = undefined;
    let end = -1;
    try {
      end = this.#reader.read(chunk, lent);
    } catch (error) {
      return this.#fail(error instanceof HttpProblem ? this.#failure("backend-garbled", error.message) : toFailure(error));
    }
    if (end !== -1 && this.#taker !== undefined) this.#complete(chunk, end);
    else if (this.#reader.isHeld) this.#socket.pause();
  }

  readonly #onEnd = (): void => {
    flushReads(this.#socket);
    if (this.#isDead) return;
    if (this.#reader.endsWithConnection) this.#finish();
    else this.#lost();
  };

  readonly #onDrain = (): void => {
    this.#heardAt = undefined;
    this.#sender?.drained();
  };

  readonly #onError = (error: Error): void => {
    this.#error = error;
  };

  readonly #onClose = (): void => {
    flushReads(this.#socket);
    if (!this.#isDead) this.#lost();
    else this.#parts.watch.delete(this);
  };

  #complete(chunk: Buffer, end: number): void {
    const { head } = this.#reader;
    if (head === undefined) return;
    // A copy: what the chunk lies in is used again.
    if (this.#reader.isSwitched) return this.#handOver(head, Buffer.from(chunk.subarray(end)));
    const mayRest = this.#isOut && !this.#writesFail && end === chunk.length && isPersistent(head, this.#isChunked);
    if (!mayRest) return this.#finish();
    const { trailers } = this.#reader;
    const taker = this.#settle();
    restReads(this.#socket);
    this.owner.rests(this, head);
    taker?.end(trailers);
  }

  /** The answer is whole, and no other follows on this connection. */
  #finish(): void {
    const { trailers } = this.#reader;
    this.#close()?.end(trailers);
    this.owner.gone(this);
  }

  /** Only the socket's end is told to the owner from here on. */
  #handOver(head: AnswerHead, early: Buffer): void {
    const socket = this.#socket;
    this.#isSwitched = true;
    socket.off("end", this.#onEnd).off("drain", this.#onDrain).pause();
    this.#settle()?.switched(head, socket, early);
  }

  #spokeUnasked(): void {
    const reason = "it sent something that nobody had asked for";
    this.#parts.logger.warn("backend garbled", { backend: legText(this.leg), reason });
    this.#close();
    this.owner.gone(this);
  }

  #lost(): void {
    const when = this.#reader.head === undefined ? "before its answer" : "inside its answer";
    const why = this.#error === undefined ? "" : `: ${this.#error.message}`;
    this.#fail(this.#failure("backend-lost", `closed ${when}${why}`));
  }

  #failure(kind: FailureKind, text: string): Failure {
    return new Failure(kind, `${legText(this.leg)}: ${text}`);
  }

  #fail(failure: Failure): void {
    if (this.#isDead) return;
    const wasSent = this.#wasSent;
    this.#close()?.failed(failure, wasSent);
    this.owner.gone(this);
  }

  /** The request is over; who heard of its answer. */
  #settle(): AnswerTaker | undefined {
    const taker = this.#taker;
    this.#taker = undefined;
    this.#sender?.stop();
    this.#sender = undefined;
    this.#reader.stop();
    return taker;
  }

  /** Ends the socket. The owner is told behind the taker. */
  #close(): AnswerTaker | undefined {
    this.#isDead = true;
    this.#parts.watch.delete(this);
    this.#socket.destroy();
    return this.#settle();
  }
}
