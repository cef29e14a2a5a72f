// The body of a request in HTTP/1.1 on its way in: counted or in chunks. It is fed by the connection and hands each read on at
// once; very small chunks of one read are handed on as one. Throws HttpProblem for chunks that are none (RFC 9112 section 7.1).

import type { Failure } from "@postern/contracts";
import { giveBack, type Lending } from "@postern/core";
import { ChunkedReader, type Fields, type Framing } from "@postern/http";
import type { BodySink, RequestBody } from "../exchange.ts";

const MAX_TRAILERS = 8 * 1024;
/** Chunks that are smaller on average are put together. */
const SMALL_CHUNK = 2048;
const NONE: Fields = [];

export class Http1Body implements RequestBody {
  readonly length: number | undefined;
  given = 0;
  isComplete = false;
  /** The sink wants no more for now. */
  isPaused = false;
  patience?: number;
  /** The client was not told to go on yet. */
  waitsForContinue: boolean;
  readonly #chunked: ChunkedReader | undefined;
  readonly #wake: () => void;
  #sink: BodySink | undefined;
  #failure: Failure | undefined;
  /** What is left is read over. */
  #isDiscarded = false;
  #pieces: Buffer[] = [];

  /** `wake` is called when bytes are wanted again. */
  constructor(framing: Framing, waitsForContinue: boolean, wake: () => void) {
    this.length = framing.kind === "length" ? framing.length : undefined;
    this.#chunked = framing.kind === "chunked" ? new ChunkedReader({ maxTrailers: MAX_TRAILERS }) : undefined;
    this.waitsForContinue = waitsForContinue;
    this.#wake = wake;
  }

  get isStarted(): boolean {
    return this.#sink !== undefined;
  }

  /** Bytes are wanted now. */
  get isFlowing(): boolean {
    return !this.isComplete && (this.#isDiscarded || (this.#sink !== undefined && !this.isPaused));
  }

  /** Bytes of it that may be yet to come. */
  get left(): number {
    return this.length === undefined ? Infinity : this.length - this.given;
  }

  start(sink: BodySink): void {
    if (this.#sink !== undefined) throw new Error("The body of a request is taken once");
    this.#sink = sink;
    if (this.#failure !== undefined) sink.broken(this.#failure);
    else this.#wake();
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    this.#wake();
  }

  /** Takes bytes of `chunk` from its beginning: the index behind the body's end, or -1. `lent`: what they lie in. */
  feed(chunk: Buffer, lent?: Lending): number {
    return this.#chunked === undefined ? this.#feedCounted(chunk, lent) : this.#feedChunks(this.#chunked, chunk, lent);
  }

  /** Nobody takes the rest; it is read over. */
  discard(): void {
    this.#isDiscarded = true;
  }

  /** It will not be complete. */
  fail(failure: Failure): void {
    if (this.isComplete || this.#failure !== undefined) return;
    this.#failure = failure;
    if (!this.#isDiscarded) this.#sink?.broken(failure);
  }

  #feedCounted(chunk: Buffer, lent: Lending | undefined): number {
    const { left } = this;
    if (chunk.length < left) {
      this.#give(chunk, lent);
      return -1;
    }
    this.#finish(left === chunk.length ? chunk : chunk.subarray(0, left), NONE, lent);
    return left;
  }

  #feedChunks(reader: ChunkedReader, chunk: Buffer, lent: Lending | undefined): number {
    const end = reader.read(chunk, 0, this.#collect);
    const bytes = this.#collected();
    if (bytes === undefined && lent !== undefined) giveBack(lent);
    if (end !== -1) this.#finish(bytes, reader.trailers, lent);
    else if (bytes !== undefined) this.#give(bytes, lent);
    return end;
  }

  readonly #collect = (piece: Buffer): void => {
    this.#pieces.push(piece);
  };

  /** The pieces of one read. Large ones go out as they are, all but the last. */
  #collected(): Buffer | undefined {
    const pieces = this.#pieces;
    if (pieces.length < 2) return pieces.pop();
    this.#pieces = [];
    const size = pieces.reduce((sum, { length }) => sum + length, 0);
    if (size < pieces.length * SMALL_CHUNK) return Buffer.concat(pieces, size);
    const last = pieces.pop();
    for (const piece of pieces) this.#give(piece);
    return last;
  }

  #give(piece: Buffer, lent?: Lending): void {
    this.given += piece.length;
    if (this.#isDiscarded || this.#sink === undefined) return;
    if (!this.#sink.data(piece, lent)) this.isPaused = true;
  }

  #finish(piece: Buffer | undefined, trailers: Fields, lent: Lending | undefined): void {
    if (piece !== undefined && piece.length > 0) this.#give(piece, lent);
    this.isComplete = true;
    if (!this.#isDiscarded) this.#sink?.end(trailers);
  }
}
