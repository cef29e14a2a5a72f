// Watches the line endings of a message's content, cut anywhere: CR without LF, LF without CR, and NUL (RFC 5321 sections 2.3.7,
// 2.3.8 and 4.5.2). A program behind us that takes one of them for the end of a line may see an end of message where we saw
// none: SMTP smuggling. Either such a message is refused, or it is repaired before anybody else sees it. NUL is never repaired: a
// program that ends texts there would read another message than we.
//
// What is in order passes as the very same Buffer. The look-out is one regular expression without repetition over the chunk as
// Latin-1, which was measured at twice the speed of two Buffer.indexOf for each line, and four times that of a loop.

export const LINE_PROBLEMS = {
  "bare-cr": "a line ends with CR alone",
  "bare-lf": "a line ends with LF alone",
  nul: "there is a NUL",
} as const;
export type LineProblem = keyof typeof LINE_PROBLEMS;

const CR = 13;
const LF = 10;
const ODD = /\0|\r(?!\n)|(?<!\r)\n/;
const EMPTY = Buffer.alloc(0);
const NEWLINE = Buffer.from("\n");

export class LineEndings {
  readonly #repairs: boolean;
  /** The last byte was a CR: it has gone on, and its LF is due. */
  #owesLf = false;

  constructor(policy: "refuse" | "repair") {
    this.#repairs = policy === "repair";
  }

  /** The next bytes, repaired if need be, or what is wrong; after that the message must not go on. */
  push(chunk: Buffer): Buffer | LineProblem {
    if (chunk.length === 0) return chunk;
    const paysLf = this.#owesLf && chunk[0] === LF;
    if (this.#owesLf && !paysLf && !this.#repairs) return "bare-cr";
    const missing = this.#owesLf && !paysLf;
    // The CR at the end is judged with the next chunk, the LF that belongs to one before was judged just now.
    this.#owesLf = chunk[chunk.length - 1] === CR;
    const from = paysLf ? 1 : 0;
    const to = chunk.length - (this.#owesLf ? 1 : 0);
    const text = chunk.toString("latin1", from, to);
    const odd = text.search(ODD);
    if (odd === -1) return missing ? Buffer.concat([NEWLINE, chunk]) : chunk;
    const problem = text[odd] === "\0" ? "nul" : text[odd] === "\r" ? "bare-cr" : "bare-lf";
    if (!this.#repairs) return problem;
    if (text.includes("\0")) return "nul";
    return Buffer.concat([
      missing ? NEWLINE : EMPTY,
      chunk.subarray(0, from),
      repaired(chunk.subarray(from, to)),
      chunk.subarray(to),
    ]);
  }

  /** The message is over. The LF that a last CR still needs, nothing, or what is wrong. */
  end(): Buffer | LineProblem {
    if (!this.#owesLf) return EMPTY;
    this.#owesLf = false;
    return this.#repairs ? NEWLINE : "bare-cr";
  }
}

/** Every CR, LF and CRLF as CRLF. A loop: a message may be nothing but line ends. */
function repaired(bytes: Buffer): Buffer {
  const right = Buffer.allocUnsafe(2 * bytes.length);
  let size = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte !== CR && byte !== LF) {
      right[size++] = byte;
      continue;
    }
    right[size++] = CR;
    right[size++] = LF;
    if (byte === CR && bytes[at + 1] === LF) at++;
  }
  return right.subarray(0, size);
}
