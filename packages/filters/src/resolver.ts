// The DNS over node:dns. Equal questions under way are asked once; answers are remembered in bounded memory, for as long as
// the records live where Node tells, a "no" for a short time, and trouble for a moment only, so that it is not asked for
// anew with each client. Never throws, and never waits longer than it is told to. RFC 1035, RFC 2308.

import { promises, type MxRecord } from "node:dns";
import type { Clock } from "@postern/contracts";
import { askableName } from "./dns-name.ts";
import type { DnsAnswer, DnsAnswers, DnsResolver, DnsType } from "./dns.ts";
import { DnsMemory } from "./dns-memory.ts";

export interface DnsOptions {
  /** IP addresses with or without port; none: the system's. */
  readonly servers?: readonly string[];
  /** For one question in all, with all its repeats. */
  readonly timeout: number;
  /** Answers remembered at most. */
  readonly cacheSize: number;
}

export interface ClosableDnsResolver extends DnsResolver {
  /** Gives up what is being asked. */
  close(): void;
}

const SECOND = 1000;
/** How long records are believed whose life Node does not tell, and the bounds of those whose life it tells. */
const LIFE = {
  unknown: 300 * SECOND,
  shortest: 5 * SECOND,
  longest: 3600 * SECOND,
  none: 60 * SECOND,
  down: 2 * SECOND,
} as const;

/** Errors by which a server says that there is no such name, or none of that type; a name that cannot be is none either. */
const NONE: ReadonlySet<unknown> = new Set(["ENOTFOUND", "ENODATA", "EBADNAME"]);

interface Told<T extends DnsType> {
  readonly records: DnsAnswers[T];
  readonly lifeMs: number;
}

interface Timed {
  readonly address: string;
  readonly ttl: number;
}

function timed(records: readonly Timed[]): { readonly records: readonly string[]; readonly lifeMs: number } {
  const shortest = Math.min(...records.map(({ ttl }) => ttl)) * SECOND;
  const lifeMs = Math.min(LIFE.longest, Math.max(LIFE.shortest, shortest));
  return { records: records.map(({ address }) => address), lifeMs };
}

const untimed = <R>(records: readonly R[]): { records: readonly R[]; lifeMs: number } => ({ records, lifeMs: LIFE.unknown });

const joined = (parts: readonly string[]): string => parts.join("");
const plainMx = ({ exchange, priority }: MxRecord): { exchange: string; priority: number } => ({ exchange, priority });

const QUERIES: { readonly [T in DnsType]: (resolver: promises.Resolver, name: string) => Promise<Told<T>> } = {
  A: async (resolver, name) => timed(await resolver.resolve4(name, { ttl: true })),
  AAAA: async (resolver, name) => timed(await resolver.resolve6(name, { ttl: true })),
  TXT: async (resolver, name) => untimed((await resolver.resolveTxt(name)).map(joined)),
  PTR: async (resolver, name) => untimed(await resolver.resolvePtr(name)),
  MX: async (resolver, name) => untimed((await resolver.resolveMx(name)).map(plainMx)),
};

/** What was answered, and for how long to believe it. */
interface Believed<T extends DnsType> {
  readonly answer: DnsAnswer<T>;
  readonly lifeMs: number;
}

const down = (reason: string): Believed<never> => ({ answer: { state: "down", reason }, lifeMs: LIFE.down });

function failed(error: unknown): Believed<never> {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return NONE.has(code) ? { answer: { state: "none" }, lifeMs: LIFE.none } : down(String(code ?? error));
}

class NodeDns implements ClosableDnsResolver {
  readonly #resolver: promises.Resolver;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #memory: DnsMemory;
  /** By question. The answer is of the question's type. */
  readonly #asking = new Map<string, Promise<DnsAnswer<DnsType>>>();

  constructor({ servers = [], timeout, cacheSize }: DnsOptions, clock: Clock) {
    // The second try waits twice as long as the first: both are within the time.
    this.#resolver = new promises.Resolver({ timeout: Math.ceil(timeout / 3), tries: 2 });
    if (servers.length > 0) this.#resolver.setServers(servers);
    this.#timeoutMs = timeout;
    this.#clock = clock;
    this.#memory = new DnsMemory(cacheSize, clock);
  }

  ask<T extends DnsType>(name: string, type: T): Promise<DnsAnswer<T>> {
    const asked = askableName(name);
    if (asked === undefined) return Promise.resolve({ state: "none" });
    const question = `${type} ${asked}`;
    const underWay = this.#memory.find(question) ?? this.#asking.get(question);
    // The type is part of the question.
    if (underWay !== undefined) return Promise.resolve(underWay as DnsAnswer<T> | Promise<DnsAnswer<T>>);
    const asking = this.#learn(question, asked, type);
    this.#asking.set(question, asking);
    return asking;
  }

  close(): void {
    this.#resolver.cancel();
  }

  async #learn<T extends DnsType>(question: string, name: string, type: T): Promise<DnsAnswer<T>> {
    const { answer, lifeMs } = await this.#inTime(this.#query(name, type));
    this.#asking.delete(question);
    this.#memory.keep(question, answer, lifeMs);
    return answer;
  }

  async #query<T extends DnsType>(name: string, type: T): Promise<Believed<T>> {
    try {
      const { records, lifeMs } = await QUERIES[type](this.#resolver, name);
      return records.length === 0
        ? { answer: { state: "none" }, lifeMs: LIFE.none }
        : { answer: { state: "found", records }, lifeMs };
    } catch (error) {
      return failed(error);
    }
  }

  /** A question cannot be taken back; what is answered too late is not listened to. */
  #inTime<T extends DnsType>(query: Promise<Believed<T>>): Promise<Believed<T>> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(this.#timeoutMs, () => resolve(down("ETIMEOUT")));
      void query.then((told) => {
        timer.cancel();
        resolve(told);
      });
    });
  }
}

/** Throws TypeError for servers that are no addresses; the settings let none through. */
export const createDnsResolver = (options: DnsOptions, clock: Clock): ClosableDnsResolver => new NodeDns(options, clock);
