// The body of a request in HTTP/2 on its way in. Until somebody takes it, the client may send one window of it, no more. Never
// throws.

import { constants, type ServerHttp2Stream } from "node:http2";
import type { Failure } from "@postern/contracts";
import { trailerFields, type Fields } from "@postern/http";
import type { BodySink, RequestBody } from "../exchange.ts";

export class Http2Body implements RequestBody {
  readonly length: number | undefined;
  given = 0;
  isComplete = false;
  /** It has begun, and more of it is wanted. */
  isFlowing = false;
  readonly #stream: ServerHttp2Stream;
  readonly #waitsForContinue: boolean;
  #sink: BodySink | undefined;
  #trailers: Fields = [];
  #failure: Failure | undefined;

  constructor(stream: ServerHttp2Stream, length: number | undefined, waitsForContinue: boolean) {
    this.#stream = stream;
    this.length = length;
    this.#waitsForContinue = waitsForContinue;
  }

  get isStarted(): boolean {
    return this.#sink !== undefined;
  }

  start(sink: BodySink): void {
    if (this.#sink !== undefined) throw new Error("The body of a request is taken once");
    this.#sink = sink;
    if (this.#failure !== undefined) return sink.broken(this.#failure);
    const stream = this.#stream;
    if (this.#waitsForContinue && !stream.headersSent && !stream.closed) stream.additionalHeaders({ ":status": 100 });
    this.isFlowing = true;
    stream.on("trailers", this.#onTrailers);
    stream.on("data", this.#onData);
    stream.on("end", this.#onEnd);
  }

  resume(): void {
    if (this.isComplete || this.#sink === undefined) return;
    this.isFlowing = true;
    this.#stream.resume();
  }

  /** It will not be complete. */
  fail(failure: Failure): void {
    if (this.isComplete || this.#failure !== undefined) return;
    this.#failure = failure;
    this.isFlowing = false;
    this.#sink?.broken(failure);
  }

  readonly #onTrailers = (_headers: unknown, _flags: number, raw: readonly string[]): void => {
    this.#trailers = trailerFields(raw);
  };

  readonly #onData = (chunk: Buffer): void => {
    this.given += chunk.length;
    if (this.#failure !== undefined || this.#sink?.data(chunk) !== false) return;
    this.isFlowing = false;
    this.#stream.pause();
  };

  /** node:http2 ends a stream that was reset as it ends one that is whole: what is not whole breaks when the stream closes. */
  readonly #onEnd = (): void => {
    const { aborted, rstCode } = this.#stream;
    const isWhole = !aborted && (rstCode ?? 0) === constants.NGHTTP2_NO_ERROR;
    if (this.#failure !== undefined || !isWhole || (this.length ?? this.given) !== this.given) return;
    this.isComplete = true;
    this.isFlowing = false;
    this.#sink?.end(this.#trailers);
  };
}
