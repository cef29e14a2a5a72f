// Answers of the DNS, each for its life. Bounded in number, and what is large is not kept, because whoever brings mail also
// chooses which names are asked for and what they hold. The one not used for longest is forgotten first. Never throws.

import type { Clock } from "@postern/contracts";
import type { DnsAnswer, DnsType } from "./dns.ts";

/** Characters of records in one answer; DKIM keys and SPF records have 2000 at most. */
const MAX_KEPT = 4096;

interface Entry {
  readonly answer: DnsAnswer<DnsType>;
  readonly until: number;
}

type Record = string | { readonly exchange: string };

const sizeOf = (record: Record): number => (typeof record === "string" ? record : record.exchange).length + 16;

function isLarge(answer: DnsAnswer<DnsType>): boolean {
  if (answer.state !== "found") return false;
  const records: readonly Record[] = answer.records;
  return records.reduce((sum, record) => sum + sizeOf(record), 0) > MAX_KEPT;
}

export class DnsMemory {
  readonly #size: number;
  readonly #clock: Clock;
  /** The one not used for longest comes first. */
  readonly #entries = new Map<string, Entry>();

  constructor(size: number, clock: Clock) {
    this.#size = size;
    this.#clock = clock;
  }

  find(question: string): DnsAnswer<DnsType> | undefined {
    const entry = this.#entries.get(question);
    if (entry === undefined) return undefined;
    this.#entries.delete(question);
    if (this.#clock.now() >= entry.until) return undefined;
    this.#entries.set(question, entry);
    return entry.answer;
  }

  keep(question: string, answer: DnsAnswer<DnsType>, lifeMs: number): void {
    this.#entries.delete(question);
    if (isLarge(answer)) return;
    this.#entries.set(question, { answer, until: this.#clock.now() + lifeMs });
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > this.#size && oldest !== undefined) this.#entries.delete(oldest);
  }
}
