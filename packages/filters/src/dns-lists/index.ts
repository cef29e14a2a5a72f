// Block and allow lists in the DNS (RFC 5782). The client is looked up while it comes, the name of its hello and the sender's
// domain when it brings mail; all are judged together at the sender, so that a list for those to allow outweighs others. The answers are
// waited for no longer than the settings say. What was found is kept for the visit.

import { found, stop, type Clock, type FilterAnswer, type MailVisit } from "@postern/contracts";
import type { DnsResolver } from "../dns.ts";
import { domainOf, hostName } from "../dns-name.ts";
import { note, printable, takeBack } from "../judge.ts";
import type { FilterRow, FilterServices } from "../row.ts";
import { hostOf, isStranger, reversed } from "../stranger.ts";
import { DnsList, type Hit, type Subject } from "./list.ts";
import { dnsListContradictions, dnsListSettings, type DnsListEntry, type DnsListSettings } from "./settings.ts";

type Hits = readonly Hit[];

/** The hits among those that answer in time, in the order of the lists. */
async function inTime(asked: readonly Promise<Hit | undefined>[], clock: Clock, ms: number): Promise<Hits> {
  const hits: (Hit | undefined)[] = asked.map(() => undefined);
  await new Promise<void>((resolve) => {
    const timer = clock.after(ms, resolve);
    const listens = asked.map(async (one, n) => {
      hits[n] = await one;
    });
    void Promise.all(listens).then(() => {
      timer.cancel();
      resolve();
    });
  });
  return hits.filter((hit) => hit !== undefined);
}

const domainSubject = (domain: string | undefined): Subject | undefined =>
  domain?.includes(".") ? { shown: domain, label: domain } : undefined;

/** The name only: an address that says hello is looked up as the client's. */
const helloSubject = (hello: string): Subject | undefined =>
  /^[\d.]+$/.test(hello) ? undefined : domainSubject(hostName(hello));

class DnsLists {
  readonly #settings: DnsListSettings;
  readonly #dns: DnsResolver;
  readonly #clock: Clock;
  readonly #lists: readonly DnsList[];
  readonly #clients = new WeakMap<MailVisit, Promise<Hits>>();
  readonly #hellos = new WeakMap<MailVisit, { readonly hello: string; readonly hits: Promise<Hits> }>();

  constructor(settings: DnsListSettings, services: FilterServices) {
    this.#settings = settings;
    this.#dns = services.dns;
    this.#clock = services.clock;
    this.#lists = settings.lists.map((entry) => new DnsList(entry, services));
  }

  askClient(visit: MailVisit): Promise<Hits> {
    const hits = this.#clients.get(visit) ?? this.#ask("client", { shown: hostOf(visit), label: reversed(hostOf(visit)) });
    this.#clients.set(visit, hits);
    return hits;
  }

  /** The name that it said last. */
  #askHello(visit: MailVisit): Promise<Hits> {
    const { hello = "" } = visit;
    const last = this.#hellos.get(visit);
    if (last?.hello === hello) return last.hits;
    const hits = this.#ask("hello", helloSubject(hello));
    this.#hellos.set(visit, { hello, hits });
    return hits;
  }

  async hits(visit: MailVisit, sender: string): Promise<{ readonly ofVisit: Hits; readonly ofSender: Hits }> {
    const [client, hello, ofSender] = await Promise.all([
      this.askClient(visit),
      this.#askHello(visit),
      this.#ask("senderDomain", domainSubject(domainOf(sender))),
    ]);
    return { ofVisit: [...client, ...hello], ofSender };
  }

  async judge(hits: Hits): Promise<FilterAnswer> {
    const { refuseAt, deferAt } = this.#settings;
    const sum = hits.reduce((all, { score }) => all + score, 0);
    const isRefused = refuseAt > 0 && sum >= refuseAt;
    if (!isRefused && (deferAt === 0 || sum < deferAt)) return undefined;
    const [worst] = hits.toSorted((one, other) => other.score - one.score);
    if (worst === undefined) return undefined;
    // A reply has 512 bytes at most (RFC 5321 section 4.5.3.1.5).
    const text = printable(`${worst.subject} is listed by ${worst.zone}${await this.#reason(worst)}`, 450);
    return isRefused ? stop(550, "5.7.1", text) : stop(450, "4.7.1", text);
  }

  #ask(of: DnsListEntry["of"], subject: Subject | undefined): Promise<Hits> {
    const lists = subject === undefined ? [] : this.#lists.filter((list) => list.of === of);
    if (subject === undefined || lists.length === 0) return Promise.resolve([]);
    const asked = lists.map((list) => list.find(subject));
    return inTime(asked, this.#clock, this.#settings.timeout);
  }

  /** What the list says of it; "" when it says nothing. */
  async #reason({ query }: Hit): Promise<string> {
    const answer = await this.#dns.ask(query, "TXT");
    const text = answer.state === "found" ? printable(answer.records[0] ?? "", 200) : "";
    return text === "" ? "" : `: ${text}`;
  }
}

const finding = ({ symbol, score, subject, zone }: Hit) => found(symbol, score, `${subject} is listed by ${zone}`);

export const dnsLists: FilterRow<typeof dnsListSettings> = {
  settings: dnsListSettings,
  contradictions: dnsListContradictions,
  build(settings, services) {
    if (!settings.on) return undefined;
    const lists = new DnsLists(settings, services);
    const noted = new WeakMap<MailVisit, ReadonlySet<string>>();

    /** Those of a hello that was said before are taken back. */
    function noteVisit(visit: MailVisit, hits: Hits): void {
      takeBack(visit.findings, noted.get(visit) ?? new Set());
      noted.set(visit, new Set(hits.map(({ symbol }) => symbol)));
      for (const hit of hits) note(visit.findings, finding(hit));
    }

    return {
      name: "dnsLists",
      connect(visit) {
        if (isStranger(visit)) void lists.askClient(visit);
        return undefined;
      },
      async sender({ visit, sender, findings }) {
        if (!isStranger(visit)) return undefined;
        const { ofVisit, ofSender } = await lists.hits(visit, sender.address);
        noteVisit(visit, ofVisit);
        for (const hit of ofSender) note(findings, finding(hit));
        return lists.judge([...ofVisit, ...ofSender]);
      },
    };
  },
};
