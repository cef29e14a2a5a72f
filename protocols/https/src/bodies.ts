// Bodies of requests that are more than passed on: one that is read before it is known where it goes (Autodiscover names the
// user in it), and one whose length is not known but bounded. What is held has a bound for all of them together: nobody has to
// log in to send one slowly. Failure: client-gone and what the front says; too-many-connections above the bound; syntax with a
// body that is too large.

import { Failure } from "@postern/contracts";
import { giveBack, type Lending } from "@postern/core";
import type { Fields } from "@postern/http";
import type { BodySink, RequestBody } from "./exchange.ts";

/** What is kept of a body, and a body that gives it again with all that comes behind it. */
export interface Held {
  /** All of it; undefined: it is larger than that. */
  readonly bytes: Buffer | undefined;
  readonly body: RequestBody;
  /** Nobody needs it any more. */
  release(): void;
}

const MOST_HELD = 64 * 1024 * 1024;

/** How much is held at the same time, in all. */
export class Holds {
  readonly #most: number;
  #bytes = 0;

  constructor(most: number = MOST_HELD) {
    this.#most = most;
  }

  take(bytes: number): boolean {
    if (this.#bytes + bytes > this.#most) return false;
    this.#bytes += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/** Reads up to `max` bytes of a body. Failure: client-gone and what else breaks it before so much is there; too-many-connections. */
export function hold(body: RequestBody, max: number, holds: Holds): Promise<Held> {
  return new Promise((resolve, reject) => {
    const settle = (bytes: Buffer | undefined): void => resolve({ bytes, body: held, release: () => held.release() });
    const held = new HeldBody(body, max, holds, settle, reject);
    body.start(held);
  });
}

const NOTHING = Buffer.alloc(0);
const SMALLEST = 1024;

class HeldBody implements RequestBody, BodySink {
  readonly length: number | undefined;
  given = 0;
  /** One of its own: pieces would keep the large buffers alive that they were read into. */
  #buffer = NOTHING;
  #size = 0;
  #trailers: Fields | undefined;
  #broken: Failure | undefined;
  #sink: BodySink | undefined;
  #settle: ((bytes: Buffer | undefined) => void) | undefined;
  readonly #reject: (failure: Failure) => void;
  readonly #from: RequestBody;
  readonly #max: number;
  readonly #holds: Holds;

  constructor(
    from: RequestBody,
    max: number,
    holds: Holds,
    settle: (bytes: Buffer | undefined) => void,
    reject: (failure: Failure) => void,
  ) {
    this.length = from.length;
    this.#from = from;
    this.#max = max;
    this.#holds = holds;
    this.#settle = settle;
    this.#reject = reject;
  }

  get isComplete(): boolean {
    return this.#trailers !== undefined && this.#size === 0;
  }

  /** What is held whole can begin again. */
  get isStarted(): boolean {
    return this.#sink !== undefined;
  }

  data(chunk: Buffer, lent?: Lending): boolean {
    if (this.#sink !== undefined) {
      this.given += chunk.length;
      return this.#sink.data(chunk, lent);
    }
    const isKept = this.#keep(chunk);
    if (lent !== undefined) giveBack(lent);
    if (!isKept) this.broken(new Failure("too-many-connections", "Bodies of too many requests are held"));
    else if (this.#size > this.#max) this.#settled(undefined);
    return isKept && this.#size <= this.#max;
  }

  end(trailers: Fields): void {
    this.#trailers = trailers;
    if (this.#sink !== undefined) this.#sink.end(trailers);
    else this.#settled(this.#buffer.subarray(0, this.#size));
  }

  broken(failure: Failure): void {
    this.#broken = failure;
    if (this.#settle !== undefined) {
      this.release();
      this.#reject(failure);
    }
    this.#settle = undefined;
    this.#sink?.broken(failure);
  }

  /** May begin anew, with another sink, as long as all of the body is held. */
  start(sink: BodySink): void {
    if (this.#broken !== undefined) return sink.broken(this.#broken);
    const bytes = this.#buffer.subarray(0, this.#size);
    const isWhole = this.#trailers !== undefined;
    if (!isWhole) {
      this.#sink = sink;
      this.release();
    }
    this.given = bytes.length;
    const goesOn = bytes.length === 0 || sink.data(bytes);
    if (isWhole) sink.end(this.#trailers ?? []);
    else if (goesOn) this.#from.resume();
  }

  resume(): void {
    if (this.#trailers === undefined) this.#from.resume();
  }

  release(): void {
    this.#holds.give(this.#buffer.length);
    this.#buffer = NOTHING;
    this.#size = 0;
  }

  #keep(chunk: Buffer): boolean {
    const size = this.#size + chunk.length;
    if (size > this.#buffer.length && !this.#grow(size)) return false;
    chunk.copy(this.#buffer, this.#size);
    this.#size = size;
    return true;
  }

  /** There may be a password in it. */
  #grow(size: number): boolean {
    const before = this.#buffer;
    const length = Math.max(size, 2 * before.length, SMALLEST);
    if (!this.#holds.take(length - before.length)) return false;
    this.#buffer = Buffer.allocUnsafeSlow(length);
    before.copy(this.#buffer, 0, 0, this.#size);
    before.fill(0);
    return true;
  }

  #settled(bytes: Buffer | undefined): void {
    this.#settle?.(bytes);
    this.#settle = undefined;
  }
}

/** A body of unknown length that may not be larger than `max`. `tooLarge` is called once, before the body breaks. */
export class BoundedBody implements RequestBody, BodySink {
  readonly length = undefined;
  readonly #from: RequestBody;
  readonly #max: number;
  readonly #tooLarge: () => void;
  #sink: BodySink | undefined;

  constructor(from: RequestBody, max: number, tooLarge: () => void) {
    this.#from = from;
    this.#max = max;
    this.#tooLarge = tooLarge;
  }

  get given(): number {
    return this.#from.given;
  }

  get isComplete(): boolean {
    return this.#from.isComplete;
  }

  get isStarted(): boolean {
    return this.#from.isStarted;
  }

  start(sink: BodySink): void {
    this.#sink = sink;
    this.#from.start(this);
  }

  resume(): void {
    this.#from.resume();
  }

  data(chunk: Buffer, lent?: Lending): boolean {
    if (this.given <= this.#max) return this.#sink?.data(chunk, lent) ?? false;
    const sink = this.#sink;
    this.#sink = undefined;
    if (sink === undefined) return false;
    this.#tooLarge();
    sink.broken(new Failure("syntax", `The request's body is larger than ${this.#max} bytes`));
    return false;
  }

  end(trailers: Fields): void {
    this.#sink?.end(trailers);
  }

  broken(failure: Failure): void {
    this.#sink?.broken(failure);
  }
}
