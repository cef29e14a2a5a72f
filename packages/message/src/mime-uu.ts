// Files that stand uuencoded in the text of a message, as old programs write them and several still show them as attachments:
// "begin 644 name". Never throws.

const LONGEST_LINE = 300;
const BEGIN = /^begin(?:-base64)? [0-7]{3,4} (.{1,255})/;
/** Source code has many lines that are "begin" alone. */
const BEGINNINGS = ["\nbegin ", "\nbegin-base64 "];
/** Lines that begin so and are none: a text of nothing else. */
const MOST_MISSES = 20_000;

export class UuNames {
  readonly #found: (name: string) => void;
  #tail: Buffer = Buffer.from("\n");
  #misses = 0;

  /** `found`: the name as it stands there, as latin1. */
  constructor(found: (name: string) => void) {
    this.#found = found;
  }

  get exhausted(): boolean {
    return this.#misses > MOST_MISSES;
  }

  write(raw: Buffer): void {
    const bytes = Buffer.concat([this.#tail, raw]);
    const last = bytes.lastIndexOf("\n");
    const whole = bytes.subarray(0, last + 1);
    for (const begin of BEGINNINGS) {
      for (let at = whole.indexOf(begin); at !== -1 && !this.exhausted; at = whole.indexOf(begin, at + 1))
        this.#read(whole, at + 1);
    }
    // What has no end yet is looked at with the next bytes; a line that is longer is none of these.
    this.#tail = bytes.length - last > LONGEST_LINE ? Buffer.alloc(0) : Buffer.from(bytes.subarray(last));
  }

  #read(bytes: Buffer, at: number): void {
    const line = bytes.toString("latin1", at, Math.min(bytes.length, at + LONGEST_LINE)).split(/[\r\n]/, 1)[0] ?? "";
    const name = BEGIN.exec(line)?.[1];
    if (name === undefined) this.#misses++;
    else this.#found(name);
  }
}
