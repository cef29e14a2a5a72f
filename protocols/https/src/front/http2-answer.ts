// The answer to one request in HTTP/2 on its way out (RFC 9113 section 8). After the end, or when the client is gone, nothing
// that is called has an effect. Throws Error for what only a defect can ask for.

import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream, type ServerStreamResponseOptions } from "node:http2";
import type { Duplex } from "node:stream";
import { Lent, type Lending } from "@postern/core";
import { lowerName, type AnswerHead, type Fields } from "@postern/http";
import type { Answer } from "../exchange.ts";

type Head = Pick<AnswerHead, "status" | "reason" | "fields">;

/** They have no place in HTTP/2 (RFC 9113 section 8.2.2). */
const DROPPED: ReadonlySet<string> = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]);
const NOTHING = Buffer.alloc(0);
const { NGHTTP2_HTTP_1_1_REQUIRED, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants;

export class Http2Answer implements Answer {
  status: number | undefined;
  bytes = 0;
  onDrain: (() => void) | undefined;
  onGone: (() => void) | undefined;
  /** Nothing more can be said. */
  isOver = false;
  readonly #stream: ServerHttp2Stream;
  readonly #isHead: boolean;
  /** The client may still be sending. */
  readonly #hasBody: () => boolean;
  #length: number | undefined;
  readonly #lent = new Lent();
  #isEmpty = false;
  #trailers: Fields = [];

  constructor(stream: ServerHttp2Stream, method: string, hasBody: () => boolean) {
    this.#stream = stream;
    this.#isHead = method === "HEAD";
    this.#hasBody = hasBody;
  }

  inform(status: number, fields: Fields): void {
    if (this.isOver || this.status !== undefined || (status !== 102 && status !== 103)) return;
    this.#stream.additionalHeaders({ ...asObject(fields), ":status": status });
  }

  begin(head: Head, length: number | undefined): void {
    if (this.isOver) return;
    const { status } = head;
    if (this.status !== undefined) throw new Error(`A second answer: ${status} behind ${this.status}`);
    if (!(status >= 200)) throw new Error(`${status} is no final status`);
    this.status = status;
    // node:http2 knows no others.
    if (status > 599) return this.cut();
    this.#isEmpty = this.#isHead || status === 204 || status === 304;
    this.#length = length;
    const hasTrailers = !this.#isEmpty && length === undefined;
    const fields = ownFraming(head, length, this.#isEmpty);
    if (hasTrailers) this.#stream.once("wantTrailers", this.#onWantTrailers);
    respond(this.#stream, fields, { endStream: this.#isEmpty, waitForTrailers: hasTrailers });
  }

  write(chunk: Buffer, lent?: Lending): boolean {
    if (this.isOver || this.#isEmpty || chunk.length === 0) return true;
    if (this.status === undefined) throw new Error("A body before its head");
    this.bytes += chunk.length;
    if (this.#length !== undefined && this.bytes > this.#length) {
      this.cut();
      return true;
    }
    return lent === undefined ? this.#stream.write(chunk) : this.#stream.write(chunk, this.#lent.until(lent));
  }

  end(trailers: Fields = []): void {
    if (this.isOver) return;
    if (this.status === undefined) throw new Error("The end of an answer before its head");
    if (!this.#isEmpty && this.#length !== undefined && this.bytes < this.#length) return this.cut();
    this.isOver = true;
    this.#trailers = trailers;
    this.#stream.end();
    // The rest of the request is not read (RFC 9113 section 8.1). A reset in the same turn would overtake a head without a body.
    if (this.#hasBody()) setImmediate(() => this.#stream.close(NGHTTP2_NO_ERROR));
  }

  cut(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#stream.close(NGHTTP2_INTERNAL_ERROR);
  }

  /** A stream that is reset may lose what was written; channels have HTTP/1.1. */
  leave(): void {
    this.cut();
  }

  requireHttp11(): void {
    if (this.isOver) return;
    if (this.status !== undefined) return this.cut();
    this.isOver = true;
    this.#stream.close(NGHTTP2_HTTP_1_1_REQUIRED);
  }

  switch(head: Head): { readonly stream: Duplex; readonly early: Buffer } {
    if (this.isOver || this.status !== undefined) throw new Error("There is no upgrade to say yes to");
    this.status = 200;
    this.isOver = true;
    respond(this.#stream, ownFraming({ status: 200, fields: head.fields }, undefined, false), {});
    return { stream: this.#stream, early: NOTHING };
  }

  /** The client is gone, or was told by others. */
  gone(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.onGone?.();
  }

  readonly #onWantTrailers = (): void => {
    this.#stream.sendTrailers(asObject(this.#trailers));
  };
}

/** A list of fields in their order, which its types do not know yet; the backend's Date, or none. */
function respond(stream: ServerHttp2Stream, fields: readonly (string | number)[], options: ServerStreamResponseOptions): void {
  const all: ServerStreamResponseOptions & { readonly sendDate: boolean } = { ...options, sendDate: false };
  stream.respond(fields as unknown as OutgoingHttpHeaders, all);
}

/** As node:http2 takes them: ":status" first, names in small letters; with Content-Length only where it is true. */
function ownFraming(
  { status, fields }: Pick<AnswerHead, "status" | "fields">,
  length: number | undefined,
  isEmpty: boolean,
): (string | number)[] {
  const kept: (string | number)[] = [":status", status];
  const text = String(length);
  let isFramed = false;
  for (let at = 0; at < fields.length; at += 2) {
    const lower = lowerName(fields[at] ?? "");
    const value = fields[at + 1] ?? "";
    if (DROPPED.has(lower)) continue;
    if (lower === "content-length") {
      if (isFramed || !(isEmpty ? status !== 204 : value === text)) continue;
      isFramed = true;
    }
    kept.push(lower, value);
  }
  if (!isFramed && !isEmpty && length !== undefined) kept.push("content-length", text);
  return kept;
}

function asObject(fields: Fields): Record<string, string[]> {
  const object: Record<string, string[]> = Object.create(null);
  for (let at = 0; at < fields.length; at += 2) {
    const lower = lowerName(fields[at] ?? "");
    if (!DROPPED.has(lower)) (object[lower] ??= []).push(fields[at + 1] ?? "");
  }
  return object;
}
