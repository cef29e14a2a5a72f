// Reads a backend's answers off the bytes of its connection and hands each piece on at once, uncopied. Knows no socket. It
// never tells of an end itself: whoever reads does that once the connection is settled. Throws HttpProblem for what is no
// answer. RFC 9112.

import { giveBack, type Lending } from "@postern/core";
import {
  answerFraming,
  ChunkedReader,
  HeadReader,
  HttpProblem,
  parseAnswerHead,
  type AnswerHead,
  type Fields,
  type HeadLimits,
} from "@postern/http";
import type { AnswerTaker } from "../backends.ts";

/** So many provisional answers may come before the final one: nothing holds them back. */
const MAX_PROVISIONAL = 1000;
const MAX_TRAILERS = 16 * 1024;
const NO_FIELDS: Fields = [];
const INFORMATION = 200;
const CONTINUE = 100;
const SWITCHING = 101;

type Place = "nowhere" | "head" | "length" | "chunks" | "to-close" | "end";

export class AnswerReader {
  readonly #limits: HeadLimits;
  readonly #heads: HeadReader;
  #place: Place = "nowhere";
  #taker: AnswerTaker | undefined;
  #method = "";
  #isUpgrade = false;
  #provisional = 0;
  #left = 0;
  #chunks: ChunkedReader | undefined;
  #piece: Buffer | undefined;
  /** The final one, or the 101 of an upgrade. */
  head: AnswerHead | undefined;
  /** The taker wants no more for now. */
  isHeld = false;

  constructor(limits: HeadLimits) {
    this.#limits = limits;
    this.#heads = new HeadReader(limits, "refused");
  }

  /** An answer to this request comes next. */
  expect(method: string, isUpgrade: boolean, taker: AnswerTaker): void {
    this.#place = "head";
    this.#method = method;
    this.#isUpgrade = isUpgrade;
    this.#taker = taker;
    this.#provisional = 0;
    this.#chunks = undefined;
    this.head = undefined;
  }

  /** The taker hears nothing more. */
  stop(): void {
    this.#place = "nowhere";
    this.#taker = undefined;
    this.isHeld = false;
  }

  /** The backend has changed the protocol: `head` is its yes. */
  get isSwitched(): boolean {
    return this.#place === "end" && this.head?.status === SWITCHING;
  }

  /** The end of the connection is the end of the answer. */
  get endsWithConnection(): boolean {
    return this.#place === "to-close";
  }

  get trailers(): Fields {
    return this.#chunks?.trailers ?? NO_FIELDS;
  }

  /** The index behind the answer's end; -1 while it goes on, and when the taker has stopped it. `lent`: what the chunk lies in. */
  read(chunk: Buffer, lent?: Lending): number {
    let at = 0;
    while (this.#place === "head") {
      const next = this.#heads.push(chunk, at);
      if (next === -1) return -1;
      this.#begin(parseAnswerHead(this.#heads.take(), this.#limits));
      at = next;
    }
    switch (this.#place) {
      case "length":
        return this.#readLength(chunk, at, lent);
      case "chunks":
        return this.#readChunks(chunk, at, lent);
      case "to-close":
        if (at < chunk.length) this.#data(at === 0 ? chunk : chunk.subarray(at), lent);
        return -1;
      case "end":
        return at;
      case "nowhere":
        return -1;
    }
  }

  #begin(head: AnswerHead): void {
    if (head.status < INFORMATION && !(head.status === SWITCHING && this.#isUpgrade)) return this.#provisionally(head);
    this.head = head;
    if (head.status === SWITCHING) {
      this.#place = "end";
      return;
    }
    const framing = answerFraming(head, this.#method);
    this.#left = framing.kind === "length" ? framing.length : 0;
    if (framing.kind === "chunked") this.#chunks = new ChunkedReader({ maxTrailers: MAX_TRAILERS });
    if (framing.kind === "chunked") this.#place = "chunks";
    else if (framing.kind === "close") this.#place = "to-close";
    else this.#place = this.#left === 0 ? "end" : "length";
    this.#taker?.head(head, framing.kind === "none" || framing.kind === "length" ? this.#left : undefined);
  }

  #provisionally({ status, fields }: AnswerHead): void {
    if (status === SWITCHING) throw new HttpProblem(400, "it changes the protocol, and nobody asked for it");
    this.#provisional += 1;
    if (this.#provisional > MAX_PROVISIONAL) throw new HttpProblem(400, `more than ${MAX_PROVISIONAL} provisional answers`);
    if (status !== CONTINUE) this.#taker?.inform(status, fields);
  }

  #readLength(chunk: Buffer, at: number, lent: Lending | undefined): number {
    if (at === chunk.length) return -1;
    const end = Math.min(chunk.length, at + this.#left);
    this.#left -= end - at;
    if (this.#left === 0) this.#place = "end";
    this.#data(at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end), lent);
    return this.#isAtEnd() ? end : -1;
  }

  #readChunks(chunk: Buffer, at: number, lent: Lending | undefined): number {
    let end = -1;
    try {
      end = this.#chunks?.read(chunk, at, this.#pass) ?? -1;
    } finally {
      this.#passLast(lent);
    }
    if (end !== -1 && this.#place === "chunks") this.#place = "end";
    return this.#isAtEnd() ? end : -1;
  }

  /** Not when the taker has stopped it meanwhile. */
  #isAtEnd(): boolean {
    return this.#place === "end";
  }

  /** One behind: the last piece of a read brings what is lent. */
  readonly #pass = (piece: Buffer): void => {
    if (this.#piece !== undefined) this.#data(this.#piece);
    this.#piece = piece;
  };

  #passLast(lent: Lending | undefined): void {
    const last = this.#piece;
    this.#piece = undefined;
    if (last !== undefined) this.#data(last, lent);
    else if (lent !== undefined) giveBack(lent);
  }

  #data(piece: Buffer, lent?: Lending): void {
    if (this.#taker?.data(piece, lent) === false) this.isHeld = true;
  }
}
