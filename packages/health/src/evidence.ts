// What is known of one leg: probes and real dials move it between unknown, up and down. Pure: time is an argument.
// Memory is bounded: it remembers fewer failed clients than `fallClients`. Never throws.

import type { HealthFacts, HealthState } from "@postern/contracts";
import type { HealthSettings } from "./settings.ts";

/** Evidence is for a line of a log or a table. */
const MAX_EVIDENCE = 200;

export class Evidence {
  readonly #settings: HealthSettings;
  #facts: HealthFacts;
  /** Good probes in a row, or bad ones as a negative number. */
  #run = 0;
  /** Client addresses whose dials failed since the last good dial, and when. */
  readonly #failedClients = new Map<string, number>();

  constructor(settings: HealthSettings, now: number) {
    this.#settings = settings;
    this.#facts = { state: "unknown", since: now, evidence: "not probed yet" };
  }

  get facts(): HealthFacts {
    return this.#facts;
  }

  /** A probe or a real dial got through. What the backend offers is known until it is heard anew. */
  good(evidence: string, now: number, features?: readonly string[]): void {
    this.#run = Math.max(0, this.#run) + 1;
    this.#failedClients.clear();
    const isUp = this.#facts.state !== "down" || this.#run >= this.#settings.rise;
    this.#set(isUp ? "up" : "down", evidence, now, features);
  }

  /** A probe failed. */
  bad(evidence: string, now: number): void {
    this.#run = Math.min(0, this.#run) - 1;
    const isDown = -this.#run >= this.#settings.fall;
    this.#set(isDown ? "down" : this.#facts.state, evidence, now);
  }

  /** A client's dial failed; `client` is what its address counts as. */
  clientFailed(client: string, evidence: string, now: number): void {
    this.#failedClients.set(client, now);
    for (const [other, at] of this.#failedClients) if (now - at > this.#settings.window) this.#failedClients.delete(other);
    const enough = this.#failedClients.size >= this.#settings.fallClients;
    if (enough) {
      this.#failedClients.clear();
      this.#run = Math.min(0, this.#run);
    }
    this.#set(enough ? "down" : this.#facts.state, evidence, now);
  }

  #set(state: HealthState, evidence: string, now: number, features = this.#facts.features): void {
    const since = state === this.#facts.state ? this.#facts.since : now;
    this.#facts = { state, since, evidence: evidence.slice(0, MAX_EVIDENCE), ...(features && { features }) };
  }
}
