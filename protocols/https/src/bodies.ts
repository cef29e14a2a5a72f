// Bodies of requests that are more than passed on: one that is read before it is known where it goes (Autodiscover names the
// user in it), and one whose length is not known but bounded. Failure: client-gone and what the front says; syntax with a
// body that is too large.

import { Failure } from "@postern/contracts";
import type { Lending } from "@postern/core";
import type { Fields } from "@postern/http";
import type { BodySink, RequestBody } from "./parts.ts";

/** What is kept of a body, and a body that gives it again with all that comes behind it. */
export interface Held {
  /** All of it; undefined: it is larger than that. */
  readonly bytes: Buffer | undefined;
  readonly body: RequestBody;
}

/** Reads up to `max` bytes of a body. Failure: client-gone and what else breaks it before so much is there. */
export function hold(body: RequestBody, max: number): Promise<Held> {
  return new Promise((resolve, reject) => {
    const held = new HeldBody(body, max, (bytes) => resolve({ bytes, body: held }), reject);
    body.start(held);
  });
}

class HeldBody implements RequestBody, BodySink {
  readonly length: number | undefined;
  given = 0;
  #chunks: Buffer[] = [];
  #size = 0;
  #trailers: Fields | undefined;
  #broken: Failure | undefined;
  #sink: BodySink | undefined;
  #settle: ((bytes: Buffer | undefined) => void) | undefined;
  readonly #reject: (failure: Failure) => void;
  readonly #from: RequestBody;
  readonly #max: number;

  constructor(from: RequestBody, max: number, settle: (bytes: Buffer | undefined) => void, reject: (failure: Failure) => void) {
    this.length = from.length;
    this.#from = from;
    this.#max = max;
    this.#settle = settle;
    this.#reject = reject;
  }

  get isComplete(): boolean {
    return this.#trailers !== undefined && this.#chunks.length === 0;
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
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size > this.#max) this.#settled(undefined);
    return this.#size <= this.#max;
  }

  end(trailers: Fields): void {
    this.#trailers = trailers;
    if (this.#sink !== undefined) this.#sink.end(trailers);
    else this.#settled(Buffer.concat(this.#chunks));
  }

  broken(failure: Failure): void {
    this.#broken = failure;
    if (this.#settle !== undefined) this.#reject(failure);
    this.#settle = undefined;
    this.#sink?.broken(failure);
  }

  /** May begin anew, with another sink, as long as all of the body is held. */
  start(sink: BodySink): void {
    if (this.#broken !== undefined) return sink.broken(this.#broken);
    const chunks = this.#chunks;
    const isWhole = this.#trailers !== undefined;
    if (!isWhole) {
      this.#sink = sink;
      this.#chunks = [];
    }
    this.given = 0;
    let goesOn = true;
    for (const chunk of chunks) {
      this.given += chunk.length;
      goesOn = sink.data(chunk);
    }
    if (isWhole) sink.end(this.#trailers ?? []);
    else if (goesOn) this.#from.resume();
  }

  resume(): void {
    if (this.#trailers === undefined) this.#from.resume();
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
