// Remembers what a cacheable source said, by user and protocol: how long a yes lives, how long a no, how long "cannot be
// asked"; answers stale answers while the source is down; asks once when many want the same at the same time. Never
// remembers or shares an answer that holds a secret, nor a refusal. Throws what the source throws.

import { Failure, durationText } from "@postern/contracts";
import type { Clock, RouteAnswer, RouteQuery, RouteSource } from "@postern/contracts";
import { LRUCache } from "lru-cache";
import type { TimedAnswer } from "./answer.ts";

/** All lives in milliseconds; zero turns one off. */
export interface CacheSettings {
  /** For an answer that does not say itself how long it lives. */
  readonly positive: number;
  /** For "does not know the user". */
  readonly negative: number;
  /** How long a user's look-up is not tried again after the source could not be asked. */
  readonly unreachable: number;
  /** How long after its life an answer may still be used while the source is down. */
  readonly stale: number;
  /** Entries at most; the least recently used goes first. */
  readonly size: number;
}

/** A source that remembers. */
export interface CachedSource extends RouteSource {
  /** Forgets one user (normalised), or everybody: after a move, so that the next login asks anew. */
  invalidate(user?: string): void;
}

interface Entry {
  readonly answer: TimedAnswer | undefined;
  /** Whether `answer` was ever given: false when the source could not be asked from the start. */
  readonly known: boolean;
  readonly at: number;
  readonly freshUntil: number;
  /** Set while the source is down for this user. */
  readonly down?: { readonly reason: string; readonly until: number };
}

const hasSecret = (answer: RouteAnswer | undefined): boolean => answer?.login?.secret !== undefined;

class Cache implements CachedSource {
  readonly name: string;
  readonly cacheable = true;
  readonly #source: RouteSource;
  readonly #settings: CacheSettings;
  readonly #clock: Clock;
  readonly #entries: LRUCache<string, Entry>;
  readonly #asking = new Map<string, Promise<TimedAnswer | undefined>>();
  readonly #protocols = new Set<string>();
  #generation = 0;

  constructor(source: RouteSource, settings: CacheSettings, clock: Clock) {
    this.name = source.name;
    this.#source = source;
    this.#settings = settings;
    this.#clock = clock;
    this.#entries = new LRUCache({ max: settings.size });
  }

  async find(query: RouteQuery): Promise<RouteAnswer | undefined> {
    const key = this.#key(query.protocol, query.user);
    const entry = this.#entries.get(key);
    const now = this.#clock.now();
    if (entry !== undefined && entry.known && now < entry.freshUntil) return this.#remembered(entry, query, now);
    if (entry?.down !== undefined && now < entry.down.until) return this.#whileDown(entry, entry.down.reason, query, now);
    return this.#askOnce(key, query);
  }

  invalidate(user?: string): void {
    this.#generation += 1;
    this.#asking.clear();
    if (user === undefined) this.#entries.clear();
    else for (const protocol of this.#protocols) this.#entries.delete(this.#key(protocol, user));
  }

  close(): void {
    this.invalidate();
    this.#source.close();
  }

  #key(protocol: string, user: string): string {
    this.#protocols.add(protocol);
    return `${protocol} ${user}`;
  }

  /** One question under way a key; who joins does not ask. A secret belongs to one session: who joined it asks himself. */
  async #askOnce(key: string, query: RouteQuery): Promise<TimedAnswer | undefined> {
    const underWay = this.#asking.get(key);
    if (underWay !== undefined) {
      const answer = await underWay;
      return hasSecret(answer) ? this.#source.find(query) : answer;
    }
    const asking = this.#ask(key, query);
    this.#asking.set(key, asking);
    try {
      return await asking;
    } finally {
      if (this.#asking.get(key) === asking) this.#asking.delete(key);
    }
  }

  async #ask(key: string, query: RouteQuery): Promise<TimedAnswer | undefined> {
    const generation = this.#generation;
    try {
      const answer: TimedAnswer | undefined = await this.#source.find(query);
      if (generation === this.#generation) this.#keep(key, answer);
      return answer;
    } catch (error) {
      if (!(error instanceof Failure) || error.kind !== "source-down" || error.said !== undefined) throw error;
      if (generation !== this.#generation) throw error;
      return this.#failed(key, error.message, query);
    }
  }

  #keep(key: string, answer: TimedAnswer | undefined): void {
    const life = answer === undefined ? this.#settings.negative : (answer.ttlMs ?? this.#settings.positive);
    const now = this.#clock.now();
    if (life <= 0 || hasSecret(answer)) this.#entries.delete(key);
    else this.#entries.set(key, { answer, known: true, at: now, freshUntil: now + life });
  }

  #failed(key: string, reason: string, query: RouteQuery): TimedAnswer | undefined {
    const now = this.#clock.now();
    const old = this.#entries.get(key) ?? { answer: undefined, known: false, at: now, freshUntil: now };
    const { unreachable } = this.#settings;
    if (unreachable > 0) this.#entries.set(key, { ...old, down: { reason, until: now + unreachable } });
    return this.#whileDown(old, reason, query, now);
  }

  /** The stale answer, when it was a yes and is not too old. */
  #whileDown(entry: Entry, reason: string, query: RouteQuery, now: number): TimedAnswer | undefined {
    if (entry.answer === undefined || now >= entry.freshUntil + this.#settings.stale) throw new Failure("source-down", reason);
    return this.#remembered(entry, query, now, `; stale, the source is down: ${reason}`);
  }

  /** An administrator is told that an answer was remembered; a login gets the object as it is. */
  #remembered({ answer, at }: Entry, query: RouteQuery, now: number, more = ""): TimedAnswer | undefined {
    if (answer === undefined || query.credentials !== undefined) return answer;
    const age = durationText(Math.round((now - at) / 1000) * 1000);
    return { ...answer, why: `${answer.why} (remembered ${age} ago${more})` };
  }
}

/** A cacheable source with a memory. Throws Error for a source that checks passwords: its answers must not be remembered. */
export function withCache(source: RouteSource, settings: CacheSettings, clock: Clock): CachedSource {
  if (!source.cacheable) throw new Error(`${source.name} checks passwords; its answers must not be remembered`);
  return new Cache(source, settings, clock);
}

/** Forgets one user (normalised), or everybody, in all sources that remember. */
export function invalidate(sources: readonly RouteSource[], user?: string): void {
  for (const source of sources) if (source instanceof Cache) source.invalidate(user);
}
