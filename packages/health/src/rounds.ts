// When to probe: one round per backend and interval, its legs one after the other, so that probes of one backend never
// overlap. First rounds are spread over one interval. A probe that does not end in time is aborted and has failed; one
// that ignores its abort signal is not started again until it has ended. Never throws: a probe's error is an outcome.

import { legText, type Clock, type Leg, type Timer } from "@postern/contracts";
import type { HealthSettings } from "./settings.ts";

export interface Seen {
  /** In words: "connected in 2 ms". */
  readonly evidence: string;
  /** What the backend offers, where it was asked. */
  readonly features?: readonly string[];
}

/** Asks one leg how it is: resolves with what was seen, or its words alone; rejects with why not. It should end when the signal says so. */
export type Probe = (leg: Leg, signal: AbortSignal) => Promise<Seen | string>;

export interface Outcome extends Seen {
  readonly good: boolean;
}

export interface RoundsParts {
  readonly settings: HealthSettings;
  readonly clock: Clock;
  readonly probe: Probe;
  /** 0 to 1, as Math.random. */
  readonly random: () => number;
  readonly report: (leg: Leg, outcome: Outcome) => void;
}

/** The rounds of one backend, from start() to stop(). */
export class Rounds {
  /** The legs to probe, in order. May be replaced; a round that runs goes on with the legs that it began with. */
  legs: readonly Leg[];
  readonly #parts: RoundsParts;
  /** Legs whose last probe has not ended. */
  readonly #hanging = new Set<string>();
  #timer: Timer | undefined;
  #probing: AbortController | undefined;
  #isStopped = false;

  constructor(legs: readonly Leg[], parts: RoundsParts) {
    this.legs = legs;
    this.#parts = parts;
  }

  /** The first round comes after `delayMs`. */
  start(delayMs: number): void {
    this.#timer = this.#parts.clock.after(delayMs, () => void this.#round());
  }

  /** No probe is started or reported any more; one that runs is aborted. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#probing?.abort();
  }

  async #round(): Promise<void> {
    const { clock, settings, random, report } = this.#parts;
    const startedAt = clock.now();
    for (const leg of this.legs) {
      const outcome = await this.#ask(leg);
      if (this.#isStopped) return;
      if (this.legs.includes(leg)) report(leg, outcome);
    }
    const pause = settings.interval * (1 + ((random() * 2 - 1) * settings.jitter) / 100);
    this.start(Math.max(0, pause - (clock.now() - startedAt)));
  }

  async #ask(leg: Leg): Promise<Outcome> {
    const name = legText(leg);
    if (this.#hanging.has(name)) return { good: false, evidence: "the probe before has not ended" };
    const { clock, settings } = this.#parts;
    this.#probing = new AbortController();
    let timer: Timer | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = clock.after(settings.timeout, () => resolve(undefined));
    });
    const outcome = await Promise.race([this.#probe(leg, name, this.#probing.signal), late]);
    timer?.cancel();
    if (outcome !== undefined) return outcome;
    this.#probing.abort();
    return { good: false, evidence: `no answer within ${settings.timeout} ms` };
  }

  async #probe(leg: Leg, name: string, signal: AbortSignal): Promise<Outcome> {
    this.#hanging.add(name);
    try {
      const seen = await this.#parts.probe(leg, signal);
      return { good: true, ...(typeof seen === "string" ? { evidence: seen } : seen) };
    } catch (error) {
      return { good: false, evidence: error instanceof Error ? error.message : String(error) };
    } finally {
      this.#hanging.delete(name);
    }
  }
}
