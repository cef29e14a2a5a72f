// The boundaries of a message's multiparts (RFC 2046 section 5.1.1), and which lines are delimiters. RFC 2046 compares only the
// beginning of a line, many programs the whole line, and they disagree on what a delimiter ends; so a boundary stays known
// after its multipart has ended, and a line that only begins like a delimiter begins a part too. Whoever looks for something
// then sees all the parts that any program may see. Bounded; never throws.

export interface Delimiter {
  /** Of the parts that this boundary delimits. */
  readonly depth: number;
  /** Parts are messages by default (RFC 2046 section 5.1.5). */
  readonly digest: boolean;
  readonly closes: boolean;
  /** The whole line is the delimiter. */
  readonly exact: boolean;
}

interface Boundary {
  readonly line: string;
  readonly depth: number;
  readonly digest: boolean;
}

/** Stands for the empty boundary, which any byte may follow. */
const NOTHING = -1;
const MOST_OPEN = 64;
const MOST_ENDED = 64;
/** Lines that began like a delimiter and were none: a message of nothing else. */
const MOST_MISSES = 200_000;

export class Boundaries {
  /** Innermost last. */
  #open: Boundary[] = [];
  #ended: Boundary[] = [];
  /** First bytes behind the dashes. */
  readonly #first = new Set<number>();
  #misses = 0;

  /** `value`: as latin1, as lines are. False: too many. */
  add(value: string, depth: number, digest: boolean): boolean {
    const line = `--${value.trimEnd()}`;
    this.#first.add(line.length > 2 ? line.charCodeAt(2) : NOTHING);
    this.#open.push({ line, depth, digest });
    return this.#open.length <= MOST_OPEN;
  }

  get exhausted(): boolean {
    return this.#misses > MOST_MISSES;
  }

  /** May a line be a delimiter that goes on with this byte behind its two dashes? Asked before it is made text. */
  mayBegin(byte: number | undefined): boolean {
    return this.#first.has(byte ?? NOTHING) || this.#first.has(NOTHING);
  }

  /** `raw`: a line that begins with "--", as latin1; undefined: it is content. */
  match(raw: string): Delimiter | undefined {
    const line = raw.trimEnd();
    const exact = this.#find((boundary) => line === boundary.line || line === `${boundary.line}--`);
    if (exact !== undefined) {
      this.#endBelow(exact);
      return { ...exact, closes: line.length > exact.line.length, exact: true };
    }
    // "--" alone would be the beginning of any.
    const similar = this.#find((boundary) => boundary.line.length > 2 && line.startsWith(boundary.line));
    if (similar === undefined) this.#misses++;
    return similar && { ...similar, closes: false, exact: false };
  }

  #find(fits: (boundary: Boundary) => boolean): Boundary | undefined {
    return this.#open.findLast(fits) ?? this.#ended.findLast(fits);
  }

  #endBelow(boundary: Boundary): void {
    const below = this.#open.indexOf(boundary) + 1;
    if (below === 0 || below === this.#open.length) return;
    this.#ended = [...this.#ended, ...this.#open.slice(below)].slice(-MOST_ENDED);
    this.#open = this.#open.slice(0, below);
  }
}
