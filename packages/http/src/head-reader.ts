// Finds the end of a message's head in the bytes of a connection (RFC 9112 section 2.2). Lines end in CRLF and in nothing else: one
// hop that takes a bare LF for an end, next to one that does not, is how requests are smuggled. No other control but the tab. Looks at each byte once, keeps
// bytes only while a head is not whole, and the same bytes have the same end however they are cut. Knows nothing of what the
// lines say. Throws HttpProblem: 400 for a bare CR, a bare LF, a control; 414 and 431 for what is too long. Then it is used up.

import type { HeadLimits } from "./message.ts";
import { HttpProblem } from "./problem.ts";

const CR = 0x0d;
const LF = 0x0a;
/** What a request's first line holds beside its target. */
const START_LINE_ROOM = 128;
const FIRST_ROOM = 1024;
const NOTHING = Buffer.alloc(0);

/** By byte: 1 for what is no text of a line, all controls but the tab. */
const CONTROL = Uint8Array.from({ length: 256 }, (_, byte) => ((byte < 0x20 && byte !== 0x09) || byte === 0x7f ? 1 : 0));

/** What an empty line at the very beginning is: read over once (requests), an error (answers), the end (trailers). */
export type EmptyLine = "skipped" | "refused" | "end";

export class HeadReader {
  readonly #maxHead: number;
  readonly #maxStart: number;
  readonly #emptyLine: EmptyLine;
  #held: Buffer = NOTHING;
  /** Bytes in #held. */
  #length = 0;
  /** Lines that are complete. */
  #lines = 0;
  #isLineEmpty = true;
  #isAfterCr = false;
  #hasSkipped = false;
  #text: string | undefined;

  constructor(limits: Pick<HeadLimits, "maxHead" | "maxTarget">, emptyLine: EmptyLine = "skipped") {
    this.#maxHead = limits.maxHead;
    this.#maxStart = emptyLine === "skipped" ? Math.min(limits.maxHead, limits.maxTarget + START_LINE_ROOM) : limits.maxHead;
    this.#emptyLine = emptyLine;
  }

  /** Nothing of a head was seen; an empty line that was read over is nothing. */
  get isEmpty(): boolean {
    return this.#length === 0 && this.#text === undefined;
  }

  /** Takes the bytes of `chunk` from `from`. The index behind the blank line when the head is whole; -1 while it is not. */
  push(chunk: Buffer, from: number): number {
    if (this.#text !== undefined) throw new Error("A head waits to be taken");
    let begin = from;
    let at = from;
    while (at < chunk.length) {
      const stop = Math.min(chunk.length, begin + (this.#lines === 0 ? this.#maxStart : this.#maxHead) - this.#length);
      if (at >= stop) throw this.#tooLong();
      const end = endOfText(chunk, at, stop);
      if (end > at) this.#sawText();
      at = end;
      if (at === stop) continue;
      const isBlank = this.#sawControl(chunk[at] ?? 0);
      at += 1;
      if (!isBlank) continue;
      if (this.#lines > 0 || this.#emptyLine === "end") return this.#finish(chunk, begin, at);
      this.#skip();
      begin = at;
    }
    this.#hold(chunk, begin, at);
    return -1;
  }

  /** The head, without its last blank line: each of its lines with its CRLF. The reader is ready for the next one. */
  take(): string {
    const text = this.#text;
    if (text === undefined) throw new Error("The head is not whole");
    this.#text = undefined;
    return text;
  }

  #sawText(): void {
    if (this.#isAfterCr) throw new HttpProblem(400, "a CR without its LF");
    this.#isLineEmpty = false;
  }

  /** True: it ends an empty line. */
  #sawControl(byte: number): boolean {
    if (byte === LF) return this.#sawLf();
    if (this.#isAfterCr) throw new HttpProblem(400, "a CR without its LF");
    if (byte !== CR) throw new HttpProblem(400, "a control in the head");
    this.#isAfterCr = true;
    return false;
  }

  #sawLf(): boolean {
    if (!this.#isAfterCr) throw new HttpProblem(400, "an LF without its CR");
    const wasEmpty = this.#isLineEmpty;
    if (!wasEmpty) this.#lines += 1;
    this.#isAfterCr = false;
    this.#isLineEmpty = true;
    return wasEmpty;
  }

  #skip(): void {
    if (this.#emptyLine === "refused" || this.#hasSkipped) throw new HttpProblem(400, "an empty line where a head begins");
    this.#hasSkipped = true;
    this.#release();
  }

  #finish(chunk: Buffer, begin: number, end: number): number {
    if (this.#length === 0) this.#text = chunk.toString("latin1", begin, end - 2);
    else {
      this.#hold(chunk, begin, end);
      this.#text = this.#held.toString("latin1", 0, this.#length - 2);
    }
    this.#lines = 0;
    this.#hasSkipped = false;
    this.#release();
    return end;
  }

  /** Grows by doubling: bytes that come one by one are copied twice, not for each of them. */
  #hold(chunk: Buffer, begin: number, end: number): void {
    const length = this.#length + end - begin;
    if (length > this.#held.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#held.length, FIRST_ROOM));
      this.#held.copy(larger, 0, 0, this.#length);
      this.#held = larger;
    }
    chunk.copy(this.#held, this.#length, begin, end);
    this.#length = length;
  }

  #release(): void {
    this.#held = NOTHING;
    this.#length = 0;
  }

  #tooLong(): HttpProblem {
    if (this.#lines > 0 || this.#emptyLine !== "skipped") return new HttpProblem(431, "the head is too long");
    return new HttpProblem(414, "the first line is too long");
  }
}

/** The first control from `at` on; `stop` when there is none. */
function endOfText(chunk: Buffer, at: number, stop: number): number {
  let end = at;
  while (end < stop && CONTROL[chunk[end] ?? 0] === 0) end += 1;
  return end;
}
