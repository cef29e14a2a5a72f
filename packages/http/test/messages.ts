// HTTP messages for tests: cut into pieces (whatever reads a stream must not care where it was cut), and read whole.

import * as fc from "fast-check";
import { parseAnswerHead } from "../src/answer-head.ts";
import { ChunkedReader } from "../src/chunked.ts";
import { answerFraming, requestFraming } from "../src/framing.ts";
import { HeadReader, type EmptyLine } from "../src/head-reader.ts";
import type { AnswerHead, Fields, Framing, HeadLimits, RequestHead } from "../src/message.ts";
import { HttpProblem } from "../src/problem.ts";
import { parseRequestHead } from "../src/request-head.ts";

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

/** As a front reads it: the head and how long the body is; or the status; or undefined while the head is not whole. */
export function readRequest(
  bytes: string,
  lengths: readonly number[] = [],
): { head: RequestHead; framing: Framing } | number | undefined {
  return orStatus(() => {
    const read = readHead(bytes, lengths);
    if (read === undefined) return undefined;
    const head = parseRequestHead(read.text, LIMITS);
    return { head, framing: requestFraming(head) };
  });
}

/** As the back reads it. */
export function readAnswer(bytes: string, method = "GET"): { head: AnswerHead; framing: Framing } | number | undefined {
  return orStatus(() => {
    const read = readHead(bytes, [], LIMITS, "refused");
    if (read === undefined) return undefined;
    const head = parseAnswerHead(read.text, LIMITS);
    return { head, framing: answerFraming(head, method) };
  });
}

/** How long the body is, in words; or the status. */
export const framingOf = (read: { framing: Framing } | number | undefined): string | number | undefined => {
  if (typeof read !== "object") return read;
  return read.framing.kind === "length" ? `length ${read.framing.length}` : read.framing.kind;
};

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
