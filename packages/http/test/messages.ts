// HTTP messages for tests: cut into pieces (whatever reads a stream must not care where it was cut), and read whole.

import * as fc from "fast-check";
import { ChunkedReader } from "../src/chunked.ts";
import { HeadReader, type EmptyLine } from "../src/head-reader.ts";
import type { Fields, HeadLimits } from "../src/message.ts";
import { HttpProblem } from "../src/problem.ts";

export const LIMITS: HeadLimits = { maxHead: 8192, maxFields: 50, maxTarget: 2048 };

/** Where to cut: lengths of pieces, one byte each more often than not. */
export const cuts = fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 40 })), { maxLength: 80, size: "max" });

/** Copies, so that no piece sees the bytes beside it; the last one is what the cuts leave. */
export function* pieces(text: string, lengths: readonly number[]): Generator<Buffer> {
  const bytes = Buffer.from(text, "latin1");
  let at = 0;
  for (const length of [...lengths, bytes.length]) {
    yield Buffer.from(bytes.subarray(at, at + length));
    at = Math.min(at + length, bytes.length);
  }
}

export const oneByOne = (text: string): readonly number[] => Array<number>(text.length).fill(1);

/** What `act` gives, or the status of its problem. Anything else that is thrown is a defect. */
export function orStatus<T>(act: () => T): T | number {
  try {
    return act();
  } catch (error) {
    if (error instanceof HttpProblem) return error.status;
    throw error;
  }
}

export interface ReadHead {
  readonly text: string;
  /** Bytes up to behind the blank line. */
  readonly length: number;
}

/** One head; undefined while it is not whole. */
export function readHead(
  text: string,
  lengths: readonly number[] = [],
  limits: HeadLimits = LIMITS,
  emptyLine: EmptyLine = "skipped",
): ReadHead | undefined {
  const reader = new HeadReader(limits, emptyLine);
  let before = 0;
  for (const piece of pieces(text, lengths)) {
    const end = reader.push(piece, 0);
    if (end >= 0) return { text: reader.take(), length: before + end };
    before += piece.length;
  }
  return undefined;
}

export interface ReadBody {
  readonly body: string;
  readonly trailers: Fields;
  /** Bytes up to behind the body; undefined while it is not complete. */
  readonly length: number | undefined;
}

export function readChunked(text: string, lengths: readonly number[] = [], maxTrailers = 1024): ReadBody {
  const reader = new ChunkedReader({ maxTrailers });
  const got: Buffer[] = [];
  let before = 0;
  const taken = (length: number | undefined): ReadBody => ({
    body: Buffer.concat(got).toString("latin1"),
    trailers: reader.trailers,
    length,
  });
  for (const piece of pieces(text, lengths)) {
    const end = reader.read(piece, 0, (data) => got.push(data));
    if (end >= 0) return taken(before + end);
    before += piece.length;
  }
  return taken(undefined);
}
