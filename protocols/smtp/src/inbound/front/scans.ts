// The filters that look at one message while it goes by: each gets every chunk, and says at the end what it makes of it. Nothing
// here rejects.

import type { ContentScan, MailFilter, MailTransaction } from "@postern/contracts";
import { stoppedBy, type Filters, type Stopped } from "./ask.ts";

interface Watching {
  readonly filter: MailFilter;
  readonly scan: ContentScan;
}

export class Scans {
  /** Somebody wants to see the end before any backend gets a byte. */
  readonly hold: boolean;
  readonly #filters: Filters;
  #all: Watching[] = [];

  /** Asked when the header is complete. */
  constructor(filters: Filters, transaction: MailTransaction) {
    this.#filters = filters;
    let hold = false;
    for (const filter of filters.all) {
      const scan = filter.scan?.(transaction);
      if (scan !== undefined) this.#all.push({ filter, scan });
      hold ||= scan?.holds === true || filter.holds?.(transaction) === true;
    }
    this.hold = hold;
  }

  /** A promise: wait before giving more. */
  write(chunk: Buffer): void | Promise<unknown> {
    if (this.#all.length === 0 || chunk.length === 0) return;
    const waits = this.#all.map(({ scan }) => scan.write(chunk)).filter((wait) => wait instanceof Promise);
    if (waits.length > 0) return Promise.all(waits);
  }

  /** What they say of the whole message, in their order; who is content ends the asking. */
  async end(): Promise<Stopped | undefined> {
    const all = this.#all;
    this.#all = [];
    const answers = await Promise.all(all.map(({ filter, scan }) => this.#filters.answerOf(filter, () => scan.end())));
    for (const [at, answer] of answers.entries()) {
      const watching = all[at];
      if (answer !== undefined && watching !== undefined) return stoppedBy(watching.filter, answer);
    }
    return undefined;
  }

  abort(): void {
    for (const { scan } of this.#all) scan.abort();
    this.#all = [];
  }
}
