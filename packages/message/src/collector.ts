// Gathers the header of a message out of its chunks, cut anywhere, and gives back the rest (RFC 5322 section 2.1). Give it what
// LineEndings let through: only CRLF ends a line here. Chunks belong to it. It holds as many bytes as its limit and one chunk,
// takes 10,000 lines, looks at each byte once, and never throws but when it is used after its answer.
//
// A line that is no field ends the header, and an empty line is put before it: it and what follows are body. A first line that is
// no field, or begins with a blank, thus leaves an empty header. Postfix does the same. It is the only reading that all programs
// behind us share: without the empty line, one of them would skip the odd line and read the lines after it as header, which we
// had neither looked at nor stripped; and a first line that begins with a blank would become part of the field we write above it.
// A UNIX mailbox line ("From alice Mon Jan …") at the top becomes a field, X-Mailbox-Line, as with Postfix: nothing is lost.

import { CRLF, continues, lineEnd, nameOf } from "./fields.ts";

export interface HeaderSplit {
  /** Every field with its CRLF, without the empty line. */
  readonly header: Buffer;
  /** What follows, from the empty line on; empty when the message has nothing but a header. */
  readonly rest: Buffer;
}

/** Whoever reads a header remembers where each line lies: that costs many times the bytes of a short one. */
const MAX_LINES = 10_000;
const EMPTY = Buffer.alloc(0);
const MAILBOX_FIELD = Buffer.from("X-Mailbox-Line: ");

export class HeaderCollector {
  /** The most bytes that the header and the line that ends it may have. */
  readonly #limit: number;
  #held: Buffer = EMPTY;
  /** How many bytes of `held` are the message's; the others are room. */
  #length = 0;
  /** Where the line that is being read begins. */
  #line = 0;
  /** How many lines there are before it. */
  #lines = 0;
  #fromMailbox = false;
  #answered = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The next bytes of the message. undefined: more is needed. The last call before any other answer. */
  push(chunk: Buffer): HeaderSplit | "too-large" | undefined {
    if (this.#answered) throw new Error("Cannot gather a header: it is complete already");
    const searched = this.#length;
    const bytes = this.#add(chunk);
    const answer = this.#read(bytes, searched);
    this.#answered = answer !== undefined;
    return answer;
  }

  /** The message is over without an empty line. */
  end(): HeaderSplit {
    if (this.#answered) throw new Error("Cannot end a header: it is complete already");
    this.#answered = true;
    const bytes = this.#held.subarray(0, this.#length);
    if (this.#line === bytes.length) return this.#split(bytes, EMPTY);
    if (!this.#isHeader(bytes, bytes.length)) {
      return this.#split(bytes.subarray(0, this.#line), Buffer.concat([CRLF, bytes.subarray(this.#line)]));
    }
    return this.#split(Buffer.concat([bytes, CRLF]), EMPTY);
  }

  /** Nothing is copied when the first chunk holds the whole header; otherwise the room doubles. */
  #add(chunk: Buffer): Buffer {
    const length = this.#length + chunk.length;
    if (this.#length === 0) {
      this.#held = chunk;
    } else {
      if (length > this.#held.length) this.#held = grown(this.#held, this.#length, length);
      chunk.copy(this.#held, this.#length);
    }
    this.#length = length;
    return this.#held.subarray(0, length);
  }

  #read(bytes: Buffer, searched: number): HeaderSplit | "too-large" | undefined {
    for (let end = lineEnd(bytes, searched); end !== -1; end = lineEnd(bytes, end)) {
      if (end > this.#limit) return "too-large";
      const header = bytes.subarray(0, this.#line);
      const rest = bytes.subarray(this.#line);
      if (end === this.#line + CRLF.length) return this.#split(header, rest);
      if (!this.#isHeader(bytes, end)) return this.#split(header, Buffer.concat([CRLF, rest]));
      if (++this.#lines > MAX_LINES) return "too-large";
      this.#line = end;
    }
    return bytes.length > this.#limit ? "too-large" : undefined;
  }

  /** Is the line from `line` to `end` part of the header? */
  #isHeader(bytes: Buffer, end: number): boolean {
    if (this.#line > 0 && continues(bytes, this.#line)) return true;
    if (nameOf(bytes, this.#line, end) !== undefined) return true;
    this.#fromMailbox ||= this.#line === 0 && /^>*From $/.test(bytes.toString("latin1", 0, bytes.indexOf(" ") + 1));
    return this.#fromMailbox && this.#line === 0;
  }

  #split(header: Buffer, rest: Buffer): HeaderSplit {
    return { header: this.#fromMailbox ? Buffer.concat([MAILBOX_FIELD, header]) : header, rest };
  }
}

function grown(held: Buffer, used: number, needed: number): Buffer {
  const room = Buffer.allocUnsafe(Math.max(2 * used, needed));
  held.copy(room, 0, 0, used);
  return room;
}
