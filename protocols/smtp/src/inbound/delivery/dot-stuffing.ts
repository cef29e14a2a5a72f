// A message on its way to backends: dots at the beginning of lines are doubled (RFC 5321 section 4.5.2), whatever the borders
// of chunks, and every line is seen to end with CRLF. A CR or LF alone must never get here: a lenient backend could take what
// follows for commands (SMTP smuggling). Failure: internal.

import { Failure } from "@postern/contracts";

const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;

export class DotStuffing {
  /** What was seen so far ends with CRLF, or is nothing. */
  #isLineStart = true;
  #isBehindCr = false;

  /** The bytes for the wire: the chunk itself where there is no dot to double. */
  encode(chunk: Buffer): Buffer {
    if (chunk.length === 0) return chunk;
    const dots: number[] = [];
    let at = 0;
    if (this.#isBehindCr) {
      if (chunk[0] !== LF) throw bare("CR");
      at = 1;
      this.#isLineStart = true;
    }
    if (this.#isLineStart && chunk[at] === DOT) dots.push(at);
    for (let lf = chunk.indexOf(LF, at); lf !== -1; lf = chunk.indexOf(LF, at)) {
      if (lf === at || chunk[lf - 1] !== CR) throw bare("LF");
      if (chunk.indexOf(CR, at) !== lf - 1) throw bare("CR");
      at = lf + 1;
      if (chunk[at] === DOT) dots.push(at);
    }
    const cr = chunk.indexOf(CR, at);
    if (cr !== -1 && cr !== chunk.length - 1) throw bare("CR");
    this.#isBehindCr = cr !== -1;
    if (at < chunk.length) this.#isLineStart = false;
    else if (at > 0) this.#isLineStart = true;
    return dots.length === 0 ? chunk : doubled(chunk, dots);
  }

  /** What the message lacks before the dot that ends it. */
  tail(): "" | "\r\n" {
    if (this.#isBehindCr) throw bare("CR");
    return this.#isLineStart ? "" : "\r\n";
  }
}

const bare = (name: string): Failure => new Failure("internal", `A bare ${name} on its way to a backend`);

/** The chunk with each of the dots twice. */
function doubled(chunk: Buffer, dots: readonly number[]): Buffer {
  const wire = Buffer.allocUnsafe(chunk.length + dots.length);
  let from = 0;
  let to = 0;
  for (const dot of dots) {
    to += chunk.copy(wire, to, from, dot + 1);
    from = dot;
  }
  chunk.copy(wire, to, from);
  return wire;
}
