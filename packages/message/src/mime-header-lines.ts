// Gathers those fields of a part's header that tell what the part is, line by line.

const FIELD = /^content-(?:type|disposition|transfer-encoding)[ \t]*:/i;

export class PartHeaderLines {
  readonly #fields: string[] = [];
  #wanted = false;
  #bytes = 0;
  #wantedBytes = 0;

  /** One line with its end, as latin1. */
  add(line: string): void {
    this.#bytes += line.length;
    const folded = line.startsWith(" ") || line.startsWith("\t");
    if (!folded) this.#wanted = FIELD.test(line);
    if (!this.#wanted) return;
    this.#wantedBytes += line.length;
    const text = line.replace(/\r?\n$/, "");
    this.#fields.push(folded ? (this.#fields.pop() ?? "") + text : text);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Of the fields below. */
  get wantedBytes(): number {
    return this.#wantedBytes;
  }

  /** Unfolded. */
  get fields(): readonly string[] {
    return this.#fields;
  }
}
