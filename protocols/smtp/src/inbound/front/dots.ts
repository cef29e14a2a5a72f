// The end of a message behind DATA, and its dots (RFC 5321 section 4.5.2): only CRLF, dot, CRLF ends it, and a dot at the
// beginning of a line that CRLF began is taken away. Everything else is content, whatever it looks like: "\n.\n", "\r\n.\n",
// "\r.\r" … end nothing. Works on chunks cut anywhere, and keeps nothing but where it stands.

import type { ContentReader, Piece } from "./client-stream.ts";

const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;

/** Where the reader stands: within a line, behind CR, behind CRLF, behind CRLF and dot, and behind CRLF, dot and CR. */
type State = "text" | "cr" | "line" | "dot" | "dot-cr";

const LINE_AND_DOT = Buffer.from("\r\n.");
const KEPT_CR = Buffer.from("\r");
const NOTHING = Buffer.alloc(0);

export class DotReader implements ContentReader {
  #state: State = "line";

  read(chunk: Buffer): Piece {
    const runs: Buffer[] = [];
    let from = 0;
    let at = 0;
    const keep = (to: number): void => {
      if (to > from) runs.push(chunk.subarray(from, to));
    };
    while (at < chunk.length) {
      if (this.#state === "text") {
        const found = chunk.indexOf(LINE_AND_DOT, at);
        if (found === -1) break;
        keep(found + 2);
        from = at = found + 3;
        this.#state = "dot";
        continue;
      }
      const byte = chunk[at];
      if (this.#state === "dot-cr") {
        if (byte === LF) return this.#end(runs, chunk.subarray(at + 1));
        // The dot was a doubled one, and its CR is content: in this chunk, or at the end of the one before.
        if (at === 0) runs.push(KEPT_CR);
        else from = at - 1;
        this.#state = "cr";
      }
      if (this.#state === "line" && byte === DOT) {
        keep(at);
        from = at + 1;
        this.#state = "dot";
      } else if (this.#state === "dot" && byte === CR) {
        this.#state = "dot-cr";
        from = at + 1;
      } else {
        this.#state = byte === CR ? "cr" : byte === LF && this.#state === "cr" ? "line" : "text";
      }
      at++;
    }
    keep(chunk.length);
    if (this.#state === "text") this.#state = endOf(chunk, at);
    return { content: joined(runs), rest: undefined };
  }

  #end(runs: readonly Buffer[], rest: Buffer): Piece {
    this.#state = "line";
    return { content: joined(runs), rest };
  }
}

/** Where a chunk ends that was text from `from` on. */
function endOf(chunk: Buffer, from: number): State {
  const last = chunk.length - 1;
  if (last < from) return "text";
  if (chunk[last] === CR) return "cr";
  return chunk[last] === LF && last > from && chunk[last - 1] === CR ? "line" : "text";
}

function joined(runs: readonly Buffer[]): Buffer {
  return runs.length === 0 ? NOTHING : runs.length === 1 ? (runs[0] ?? NOTHING) : Buffer.concat(runs);
}

/** A chunk behind BDAT (RFC 3030): so many bytes, whatever they are. */
export class CountReader implements ContentReader {
  #left: number;

  /** `count` is above 0: where nothing follows there is nothing to read. */
  constructor(count: number) {
    this.#left = count;
  }

  read(chunk: Buffer): Piece {
    if (chunk.length < this.#left) {
      this.#left -= chunk.length;
      return { content: chunk, rest: undefined };
    }
    return { content: chunk.subarray(0, this.#left), rest: chunk.subarray(this.#left) };
  }
}
