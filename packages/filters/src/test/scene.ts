// For tests of filters: a visit, a transaction, services with a fake clock, a DNS out of a table and a small shared state, and
// settings with their defaults.

import type {
  Contradiction,
  FilterAnswer,
  MailFilter,
  MailHeader,
  MailRecipient,
  MailTransaction,
  MailVisit,
  setting,
  SharedState,
  ValueOf,
} from "@postern/contracts";
import { createFakeClock, createMemoryLogger, testSession, type FakeClock, type MemoryLogger } from "@postern/testing";
import type { DnsAnswer, DnsAnswers, DnsResolver, DnsType } from "../dns.ts";
import type { FilterServices } from "../row.ts";

/** By name; a name that is not there does not exist. "silent": asked for it, the DNS never answers. */
export type DnsTable = Readonly<Record<string, Partial<DnsAnswers> | "down" | "silent">>;

export interface FakeDns extends DnsResolver {
  readonly asked: readonly string[];
  /** From now on. */
  answer(table: DnsTable): void;
}

export function fakeDns(first: DnsTable = {}): FakeDns {
  let table = first;
  const asked: string[] = [];
  return {
    asked,
    answer(next) {
      table = next;
    },
    async ask<T extends DnsType>(name: string, type: T): Promise<DnsAnswer<T>> {
      asked.push(`${type} ${name}`);
      const entry = table[name];
      if (entry === "silent") return new Promise<DnsAnswer<T>>(() => {});
      if (entry === "down") return { state: "down", reason: "ESERVFAIL" };
      const records: DnsAnswers[T] | undefined = entry?.[type];
      return records === undefined ? { state: "none" } : { state: "found", records };
    },
  };
}

/** Hits and marks on a clock; the real ones have their own tests in packages/state. `lost`: it has no one to ask. */
export function fakeState(clock: FakeClock): SharedState & { lost: boolean; readonly keys: () => string[] } {
  const windows = new Map<string, { hits: number; until: number }>();
  const marks = new Map<string, { since: number; until: number }>();
  const alive = <T extends { until: number }>(entry: T | undefined): T | undefined =>
    entry !== undefined && clock.now() < entry.until ? entry : undefined;
  return {
    lost: false,
    keys: () => [...windows.keys(), ...marks.keys()],
    take: async () => true,
    give: () => {},
    count: async () => 0,
    async hit(key, windowMs) {
      const window = alive(windows.get(key)) ?? { hits: 0, until: clock.now() + windowMs };
      window.hits += 1;
      windows.set(key, window);
      return this.lost ? 0 : window.hits;
    },
    async remember(key, ttlMs) {
      const since = alive(marks.get(key))?.since ?? clock.now();
      marks.set(key, { since, until: clock.now() + ttlMs });
      return this.lost ? undefined : clock.now() - since;
    },
    async recall(key) {
      const mark = alive(marks.get(key));
      return mark === undefined || this.lost ? undefined : clock.now() - mark.since;
    },
    claim: () => Promise.reject(new Error("No filter claims anything")),
    claimed: () => Promise.reject(new Error("No filter asks for a claim")),
  };
}

export interface TestServices extends FilterServices {
  readonly clock: FakeClock;
  readonly logger: MemoryLogger;
  readonly state: ReturnType<typeof fakeState>;
  readonly dns: FakeDns;
}

/** Of mx.postern.example, which takes mail for postern.example. */
export function testServices(table: DnsTable = {}): TestServices {
  const clock = createFakeClock();
  return {
    clock,
    logger: createMemoryLogger(),
    hostname: "mx.postern.example",
    isOurs: (domain) => domain === "postern.example",
    state: fakeState(clock),
    dns: fakeDns(table),
  };
}

/** What a settings table yields for an empty file. Throws Error where a value must be given. */
export function defaultsOf<G extends setting.Group>(group: G): ValueOf<G> {
  // The table says the types; walking it forgets them.
  return defaultOf(group) as ValueOf<G>;
}

function defaultOf(of: setting.Setting<unknown>): unknown {
  switch (of.kind) {
    case "scalar":
      if (of.default === undefined && !of.optional) throw new Error(`no default: ${of.doc}`);
      return of.default;
    case "list":
      return of.default;
    case "dict":
      return {};
    case "group":
      if (of.optional) return undefined;
      return Object.fromEntries(Object.entries(of.fields).map(([name, field]) => [name, defaultOf(field)]));
    case "tagged":
      throw new Error(`no default: ${of.doc}`);
  }
}

/** A row of the table, by what its settings yield. */
export interface RowOf<V> {
  readonly settings: setting.Group;
  build(settings: V, services: FilterServices): MailFilter | undefined;
  contradictions?(settings: V): readonly Contradiction[];
}

/** A row's defaults, with these in their place. */
export function valuesOf<V>(row: RowOf<V>, rest: object = {}): V {
  const values: object = { ...Object(defaultOf(row.settings)), ...rest };
  // As above: the table says the types.
  return values as V;
}

/** The filter, switched on, with these settings in place of the defaults. */
export function filterOf<V>(row: RowOf<V>, services: FilterServices, rest: Partial<NoInfer<V>> = {}): MailFilter {
  const filter = row.build(valuesOf(row, { on: true, ...rest }), services);
  if (filter === undefined) throw new Error("the filter is switched off");
  return filter;
}

/** A stranger at 192.0.2.7 who has said hello. */
export function testVisit({ host = "192.0.2.7", ...rest }: Partial<MailVisit> & { readonly host?: string } = {}): MailVisit {
  return {
    session: testSession({ client: { host, port: 4711 } }),
    hello: "mail.sender.example",
    extended: true,
    spokeEarly: false,
    trusted: false,
    refusedRecipients: 0,
    hostName: undefined,
    findings: [],
    ...rest,
  };
}

export const recipientOf = (address: string): MailRecipient => ({
  address,
  parameters: new Map(),
  deliverTo: address,
  routeAs: address,
});

/** A message of carol@sender.example, and of a visit of its own. */
export function testMail({
  from = "carol@sender.example",
  ...rest
}: Partial<MailTransaction> & { readonly from?: string } = {}): MailTransaction {
  return {
    id: "test1",
    visit: testVisit(),
    sender: { address: from, parameters: new Map() },
    recipients: [],
    size: 0,
    header: undefined,
    came: rest.header,
    kind: undefined,
    findings: [],
    authentication: [],
    edits: [],
    redirect: undefined,
    added: [],
    ...rest,
  };
}

/** A header of these fields; it has no bytes. */
export function headerOf(fields: Readonly<Record<string, string>> = {}): MailHeader {
  const all = (name: string): string[] =>
    Object.entries(fields).flatMap(([key, value]) => (key.toLowerCase() === name.toLowerCase() ? [value] : []));
  return { bytes: Buffer.alloc(0), all, first: (name) => all(name)[0], count: (name) => all(name).length };
}

/** "550 5.7.1 words", with " (hang up)"; undefined: the filter says nothing. */
export function wordsOf(answer: FilterAnswer): string | undefined {
  if (answer === undefined) return undefined;
  if (answer.action === "accept") return "accept";
  const { code, status, lines } = answer.reply;
  return `${code} ${status} ${lines.join(" / ")}${answer.hangUp === true ? " (hang up)" : ""}`;
}

/** "SYMBOL=score" of each. */
export const symbolsOf = ({ findings }: Pick<MailTransaction, "findings">): string[] =>
  findings.map(({ symbol, score }) => `${symbol}=${score}`);
