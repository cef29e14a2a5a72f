// The bytes that come from a client in HTTP/1.1, in order: each goes to the head or the body that is being read, or waits until
// somebody wants it. Little waits, and one read more; then the client is not read from. Never throws: what is no HTTP is told.

import type { Socket } from "node:net";
import { giveBack, type Lending, type Reader } from "@postern/core";
import { HeadReader, type HeadLimits } from "@postern/http";

/**
 * What is wanted now. nothing: what comes is kept, so that it is seen when the client leaves. stop: do not even read.
 * all: it is read over.
 */
export type Wanted = "head" | "body" | "nothing" | "stop" | "all";

export interface Taker {
  readonly wanted: Wanted;
  /** The first byte of a head has come, and not all of it. */
  headBegins(): void;
  head(text: string): void;
  /** The index behind the body's end, or -1. `lent`, what the chunk lies in, is the taker's then. */
  body(chunk: Buffer, lent: Lending | undefined): number;
  /** Thrown by any of these. */
  failed(error: unknown): void;
}

const NOTHING = Buffer.alloc(0);
/** More than this was not sent by chance: its sender can wait, and is not seen leaving until then. Some send CRLF behind a body. */
const SENT_AHEAD = 1024;

export class Intake implements Reader {
  /** Bytes so far. */
  bytes = 0;
  readonly #socket: Socket;
  readonly #head: HeadReader;
  readonly #taker: Taker;
  #rest: Buffer | undefined;
  /** What the read under way lies in, until a body takes it. */
  #lent: Lending | undefined;
  #isPaused = true;
  #isTaking = false;

  constructor(socket: Socket, limits: HeadLimits, taker: Taker) {
    this.#socket = socket;
    this.#head = new HeadReader(limits);
    this.#taker = taker;
  }

  get hasRest(): boolean {
    return this.#rest !== undefined;
  }

  /** Nothing of the next head has come. */
  get isBetween(): boolean {
    return this.#rest === undefined && this.#head.isEmpty;
  }

  /** What nobody wants yet is copied out of what is lent. */
  feed(chunk: Buffer, lent: Lending | undefined): boolean {
    this.bytes += chunk.length;
    this.#lent = lent;
    this.#rest = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    this.wake();
    if (lent !== undefined && this.#rest !== undefined) this.#rest = Buffer.from(this.#rest);
    if (this.#lent !== undefined) giveBack(this.#lent);
    this.#lent = undefined;
    return !this.#isPaused;
  }

  /** Something else may be wanted now. */
  wake(): void {
    if (this.#isTaking) return;
    this.#isTaking = true;
    try {
      while (this.#rest !== undefined && this.#take(this.#rest));
    } catch (error) {
      this.#taker.failed(error);
    }
    this.#isTaking = false;
    this.#flow();
  }

  /** What waits; from here on nothing is read. */
  release(): Buffer {
    const rest = this.#rest ?? NOTHING;
    this.#rest = undefined;
    this.#isPaused = true;
    this.#socket.pause();
    return rest;
  }

  /** False: nobody wants it yet. */
  #take(chunk: Buffer): boolean {
    const { wanted } = this.#taker;
    if (wanted === "head") this.#takeHead(chunk);
    else if (wanted === "body") this.#takeBody(chunk);
    else if (wanted === "all") this.#rest = undefined;
    else return false;
    return true;
  }

  #takeHead(chunk: Buffer): void {
    const isFirst = this.#head.isEmpty;
    const end = this.#head.push(chunk, 0);
    this.#keep(chunk, end);
    if (end !== -1) this.#taker.head(this.#head.take());
    else if (isFirst && !this.#head.isEmpty) this.#taker.headBegins();
  }

  #takeBody(chunk: Buffer): void {
    const lent = this.#lent;
    this.#lent = undefined;
    this.#keep(chunk, this.#taker.body(chunk, lent));
  }

  #keep(chunk: Buffer, end: number): void {
    this.#rest = end === -1 || end === chunk.length ? undefined : chunk.subarray(end);
  }

  #flow(): void {
    const { wanted } = this.#taker;
    const isPaused = wanted === "stop" || (wanted === "nothing" && (this.#rest?.length ?? 0) > SENT_AHEAD);
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    if (isPaused) this.#socket.pause();
    else this.#socket.resume();
  }
}
