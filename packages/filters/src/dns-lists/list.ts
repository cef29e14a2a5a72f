// One list in the DNS (RFC 5782): is this address or name listed? A list that answers outside 127.0.0.0/8, or lists what no list
// may have, is dead or lies, and counts nothing; the log says so now and then. Never throws.

import { networkMatcher, type Clock, type Logger } from "@postern/contracts";
import type { DnsResolver } from "../dns.ts";
import { printable } from "../judge.ts";
import { symbolOf, type DnsListEntry } from "./settings.ts";

export interface Hit {
  readonly zone: string;
  readonly symbol: string;
  /** Below 0 for a list of those to allow. */
  readonly score: number;
  /** What was looked up, as the client knows it. */
  readonly subject: string;
  /** Asked for its TXT record, the list tells why. */
  readonly query: string;
}

/** What is looked up: as the client knows it, and as it stands before the zone. */
export interface Subject {
  readonly shown: string;
  readonly label: string;
}

const ANSWERS = networkMatcher([{ address: "127.0.0.0", prefix: 8, family: "ipv4" }]);
const NOT_SERVED = networkMatcher([{ address: "127.255.255.0", prefix: 24, family: "ipv4" }]);
const ordinary = (answer: string): boolean => !NOT_SERVED(answer);

/** What no list may have: RFC 5782 section 5. */
const NEVER_LISTED = { client: "1.0.0.127", hello: "invalid", senderDomain: "invalid" } as const;

/** How often the log says that one list cannot be used. */
const COMPLAIN_MS = 10 * 60_000;

export class DnsList {
  readonly #entry: DnsListEntry;
  readonly #dns: DnsResolver;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #counts: (answer: string) => boolean;
  #complainedAt = -Infinity;

  constructor(entry: DnsListEntry, { dns, logger, clock }: { dns: DnsResolver; logger: Logger; clock: Clock }) {
    this.#entry = entry;
    this.#dns = dns;
    this.#logger = logger;
    this.#clock = clock;
    this.#counts = entry.answers.length > 0 ? networkMatcher(entry.answers) : ordinary;
  }

  get of(): DnsListEntry["of"] {
    return this.#entry.of;
  }

  /** undefined: not listed, or the list cannot be believed. */
  async find({ label, shown }: Subject): Promise<Hit | undefined> {
    const { zone, kind, score, of } = this.#entry;
    const query = `${label}.${zone}`;
    const answer = await this.#dns.ask(query, "A");
    if (answer.state === "down") this.#complain(`cannot be asked: ${answer.reason}`);
    if (answer.state !== "found") return undefined;
    const strange = answer.records.find((record) => !ANSWERS(record));
    if (strange !== undefined) return this.#complain(`answers ${strange}, which no list does`);
    if (!answer.records.some(this.#counts)) {
      if (answer.records.some(NOT_SERVED)) this.#complain(`does not serve us: it answers ${answer.records.join(", ")}`);
      return undefined;
    }
    const impossible = `${NEVER_LISTED[of]}.${zone}`;
    if ((await this.#dns.ask(impossible, "A")).state === "found") return this.#complain("lists everything");
    return { zone, symbol: symbolOf(this.#entry), score: kind === "block" ? score : -score, subject: shown, query };
  }

  #complain(problem: string): undefined {
    const now = this.#clock.now();
    if (now - this.#complainedAt < COMPLAIN_MS) return undefined;
    this.#complainedAt = now;
    this.#logger.warn("A DNS list is not used", { zone: this.#entry.zone, problem: printable(problem) });
    return undefined;
  }
}
