// A client's connection in HTTP/1.1: requests are read one at a time, and each is handed to the house as an Exchange. What comes
// behind a request that is not answered yet stays unread. A client that sends FIN has left: what it is owed is dropped, as other
// proxies do it, for a half-closed client cannot be told from one that is gone.
// RFC 9112. It never throws; a handler that breaks its word is logged, and its connection cut.

import type { Duplex } from "node:stream";
import type { Socket } from "node:net";
import { Failure, type HostDoors, type Session } from "@postern/contracts";
import { flushReads, readBy, restReads, type Lending } from "@postern/core";
import { HttpProblem } from "@postern/http";
import type { HttpRequest } from "../exchange.ts";
import { Client } from "./client.ts";
import { Http1Answer, type AnswerOwner } from "./http1-answer.ts";
import { Http1Body } from "./http1-body.ts";
import { Intake, type Taker, type Wanted } from "./http1-intake.ts";
import { problemText } from "./http1-problem.ts";
import { bodyFollows, readRequest } from "./http1-request.ts";
import type { FrontHouse } from "./house.ts";
import { Outlet } from "./outlet.ts";
import { Progress } from "./progress.ts";

/** A body that nobody takes is read over up to this; behind more the connection ends. */
const READ_OVER = 64 * 1024;
/** So long a client may take to read the last answer, and to hang up. */
const LINGER_MS = 5000;
const CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

/** head: a request is waited for, or read. busy: one is served. over: its body is read over. leaving: all is said. */
type Phase = "head" | "busy" | "over" | "leaving" | "switched";

interface Current {
  readonly request: HttpRequest;
  readonly body: Http1Body | undefined;
  readonly answer: Http1Answer;
  readonly staysOpen: boolean;
}

export class Http1Client extends Client implements AnswerOwner, Taker {
  readonly isShared = false;
  readonly outlet: Outlet;
  readonly #trace: HostDoors["trace"];
  readonly #intake: Intake;
  readonly #progress = new Progress();
  #phase: Phase = "head";
  #current: Current | undefined;
  /** The handler has not settled. */
  #isServing = false;
  /** Since when a head is waited for; of one that has begun, when its first byte came. undefined: since the last look. */
  #since: number | undefined;
  #broken: Error | undefined;

  constructor(socket: Socket, session: Session, doors: HostDoors, house: FrontHouse) {
    super(socket, session, house);
    this.outlet = new Outlet(socket);
    this.#trace = doors.trace;
    this.#intake = new Intake(socket, house.settings, this);
    socket.on("drain", this.#onDrain);
    socket.on("end", this.#onEnd);
    socket.on("error", this.#onError);
    socket.on("close", this.#onClose);
    this.open();
    if (socket.closed) this.#onClose();
    else {
      readBy(socket, this.#intake);
      this.#intake.wake();
    }
  }

  get owes(): boolean {
    return this.#phase === "busy";
  }

  get wanted(): Wanted {
    // Whoever has left is served nothing more of what it sent ahead.
    if (this.#phase === "leaving" || this.isClosed) return "all";
    if (this.#phase === "head") return "head";
    const body = this.#current?.body;
    if (body === undefined || body.isComplete) return "nothing";
    if (body.isFlowing) return "body";
    return body.isStarted ? "stop" : "nothing";
  }

  headBegins(): void {
    this.#since = this.house.clock.now();
  }

  head(text: string): void {
    const { settings, handler } = this.house;
    const count = this.count();
    const read = readRequest(text, settings);
    const { method, target, host, authority, version, fields, upgrade, framing, staysOpen } = read;
    this.#trace?.("C", `${method} ${pathOf(target)} HTTP/${version}`);
    const body = bodyFollows(framing) ? new Http1Body(framing, read.waitsForContinue, this.#wake) : undefined;
    const request = { id: `${this.session.id}.${count}`, method, target, host, authority, version, fields, body, upgrade };
    const answer = new Http1Answer(read, this);
    this.#current = { request, body, answer, staysOpen };
    this.#phase = "busy";
    const served = handler({ request, answer, client: this });
    this.#isServing = true;
    served.then(this.#onSettled, this.#onRejected);
  }

  body(chunk: Buffer, lent: Lending | undefined): number {
    const end = this.#current?.body?.feed(chunk, lent) ?? 0;
    if (this.#phase === "over" && end !== -1) this.#next();
    return end;
  }

  failed(error: unknown): void {
    if (error instanceof HttpProblem) this.#tell(error, this.fails("syntax", error.message));
    else this.#defect(error);
  }

  endsBehind(): boolean {
    const { body, staysOpen } = this.#current ?? {};
    const isUnwanted = body?.isComplete === false && ((!body.isStarted && body.waitsForContinue) || body.left > READ_OVER);
    this.isEnding ||=
      staysOpen !== true || isUnwanted || (this.session.requests ?? 0) >= this.house.settings.requestsPerConnection;
    return this.isEnding;
  }

  said(line: string): void {
    this.#trace?.("S", line);
  }

  answered(isLast: boolean): void {
    this.isEnding ||= isLast;
  }

  cutAnswer(byReset: boolean): void {
    // Only a TCP socket can be reset.
    if (byReset && this.session.tls === undefined && this.socket.remoteAddress !== undefined) this.socket.resetAndDestroy();
    else this.socket.destroy();
  }

  release(): { readonly stream: Duplex; readonly early: Buffer } {
    const { socket } = this;
    this.#phase = "switched";
    socket.off("drain", this.#onDrain);
    socket.off("end", this.#onEnd);
    return { stream: socket, early: this.#intake.release() };
  }

  look(now: number): void {
    const { headTimeout, idle, bodyTimeout } = this.house.settings;
    if (this.#phase === "switched") return;
    if (this.#phase === "head") {
      this.#since ??= now;
      const waited = now - this.#since;
      if (this.#intake.isBetween && waited >= idle) this.end("idle", undefined);
      else if (!this.#intake.isBetween && waited >= headTimeout) this.#late(`A header took more than ${headTimeout} ms`);
      return;
    }
    const stoodFor = this.#progress.standsFor(this.#mark(), now);
    if (this.socket.writableLength > 0) {
      if (stoodFor >= bodyTimeout) this.#cutSlow(`Nothing of an answer was taken for ${bodyTimeout} ms`);
    } else if (this.#phase === "leaving") {
      if (stoodFor >= LINGER_MS) this.cut();
    } else {
      const patience = this.#current?.body?.patience ?? bodyTimeout;
      if (stoodFor >= patience) this.#late(`Nothing came of a body for ${patience} ms`);
    }
  }

  protected leave(): void {
    if (this.#phase === "switched") this.cut();
    else if (this.#phase === "head" || this.#phase === "over") this.#hangUp();
  }

  /** A number that changes while the client gets on; undefined: it waits for us. */
  #mark(): number | undefined {
    if (this.socket.writableLength > 0) return -this.socket.writableLength;
    if (this.#phase === "leaving") return 0;
    return this.wanted === "body" ? this.#intake.bytes : undefined;
  }

  #cutSlow(reason: string): void {
    this.fails("idle", reason);
    this.cut();
  }

  #late(reason: string): void {
    this.#tell(new HttpProblem(408, reason), this.fails("idle", reason));
  }

  /** The last words, where there is room for them. Who serves the request hears that it is over. */
  #tell(problem: HttpProblem, failure: Failure): void {
    const { answer, body } = this.#current ?? {};
    if (answer?.status === undefined && this.#phase !== "leaving") this.outlet.write(problemText(problem));
    else if (answer?.isOver === false) this.cutAnswer(true);
    this.#hangUp();
    answer?.gone();
    body?.fail(failure);
  }

  /** All is said. What still comes is read over, so that the client can read it. */
  #hangUp(): void {
    if (this.#phase === "leaving") return;
    this.#phase = "leaving";
    this.outlet.flush();
    this.socket.end();
    this.#intake.wake();
  }

  /** Behind an answer, and behind whatever kept the next request from being read. */
  #next(): void {
    if (this.isClosed) return this.finish();
    if (this.#phase === "leaving" || this.#phase === "switched") return;
    const { body } = this.#current ?? {};
    const isUnread = body !== undefined && !body.isComplete;
    if (this.isEnding || (isUnread && body.left > READ_OVER)) return this.#hangUp();
    this.#phase = "over";
    if (isUnread) body.discard();
    else if (!this.socket.writableNeedDrain) return this.#begin();
    this.#intake.wake();
  }

  #begin(): void {
    this.#current = undefined;
    this.#phase = "head";
    this.#since = undefined;
    restReads(this.socket);
    // Others have their turn before what this client sent ahead.
    if (this.#intake.hasRest) setImmediate(this.#wake);
    else this.#intake.wake();
  }

  /** The body is wanted, or more of it. */
  readonly #wake = (): void => {
    const { body, answer } = this.#current ?? {};
    if (body?.waitsForContinue === true && body.isStarted) {
      body.waitsForContinue = false;
      if (answer?.status === undefined && !this.#intake.hasRest) this.outlet.write(CONTINUE);
    }
    this.#intake.wake();
  };

  #defect(error: unknown): void {
    const { id } = this.#current?.request ?? {};
    this.house.logger.error("a request could not be served", { session: this.session.id, request: id, error });
    this.#tell(new HttpProblem(500, "the gateway failed"), this.fails("internal", "A request could not be served"));
  }

  readonly #onSettled = (): void => {
    this.#isServing = false;
    if (this.#current?.answer.isOver === false)
      this.#defect(new Error("A request was left without an answer, or with half of it"));
    this.#next();
  };

  readonly #onRejected = (error: unknown): void => {
    this.#isServing = false;
    this.#defect(error);
    this.#next();
  };

  readonly #onDrain = (): void => {
    if (this.#phase === "over") this.#next();
    else this.#current?.answer.onDrain?.();
  };

  readonly #onEnd = (): void => {
    flushReads(this.socket);
    if (this.#current?.answer.isOver === false) this.cut();
    else this.socket.destroySoon();
  };

  readonly #onError = (error: Error): void => {
    this.#broken ??= error;
  };

  readonly #onClose = (): void => {
    const { answer, body } = this.#current ?? {};
    this.session.bytesIn = this.socket.bytesRead;
    this.session.bytesOut = this.socket.bytesWritten;
    answer?.gone();
    body?.fail(new Failure("client-gone", "The client closed the connection"));
    this.closed(this.#broken);
    if (!this.#isServing) this.finish();
  };
}

const pathOf = (target: string): string => target.split("?", 1)[0] ?? "";
