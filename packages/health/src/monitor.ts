// Which backend may be dialled: probes and what real dials saw, in one view (contracts' Health). Only legs of the current
// configuration are known; any other leg, such as one that a route source names by address, is always "unknown" and may
// be dialled. Nobody is ever left without a backend to try: when all are down, all are tried. Never throws.

import { legText, plainHost, type Clock, type Health, type HealthFacts, type Leg, type Logger } from "@postern/contracts";
import { Evidence } from "./evidence.ts";
import { Rounds, type Outcome, type Probe, type RoundsParts } from "./rounds.ts";
import type { HealthSettings } from "./settings.ts";

export interface HealthMonitorParts {
  readonly settings: HealthSettings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly probe: Probe;
  /** What a client's host counts as, so that one client with many addresses is one: limits' addressKey. */
  readonly clientKey?: (host: string) => string;
  /** 0 to 1; Math.random when left out. */
  readonly random?: () => number;
}

export interface HealthMonitor extends Health {
  /** The legs of the configuration, all backends. Legs that stay keep what is known of them. */
  update(legs: readonly Leg[]): void;
  /** Starts the probes, spread over one interval. */
  start(): void;
  /** Stops the probes for good; what is known stays. */
  stop(): void;
  /** Every leg of the configuration and what is known of it. */
  all(): readonly { readonly leg: Leg; readonly facts: HealthFacts }[];
}

const byBackend = (legs: readonly Leg[]): Map<string, readonly Leg[]> => Map.groupBy(legs, (leg) => leg.backend);

export function createHealthMonitor(parts: HealthMonitorParts): HealthMonitor {
  const { settings, clock, logger, clientKey = plainHost } = parts;
  let known = new Map<string, { readonly leg: Leg; readonly evidence: Evidence }>();
  const rounds = new Map<string, Rounds>();
  let running = false;

  const roundsParts: RoundsParts = { settings, clock, probe: parts.probe, random: parts.random ?? Math.random, report };

  /** Lets `change` move what is known of a leg, and logs when that took it down or up. */
  function weigh(leg: Leg, change: (evidence: Evidence, now: number) => void): void {
    const evidence = known.get(legText(leg))?.evidence;
    if (evidence === undefined) return;
    const before = evidence.facts.state;
    change(evidence, clock.now());
    const { state, evidence: words } = evidence.facts;
    if (state === before) return;
    const fields = { leg: legText(leg), evidence: words };
    if (state === "down") logger.warn("A backend is down", fields);
    else logger.info("A backend is up", fields);
  }

  function report(leg: Leg, { good, evidence: words, features }: Outcome): void {
    weigh(leg, (evidence, now) => (good ? evidence.good(words, now, features) : evidence.bad(words, now)));
  }

  const isDown = (leg: Leg): boolean => known.get(legText(leg))?.evidence.facts.state === "down";

  /** Starts rounds of backends that have none, spread over the interval; stops those of backends that are gone. */
  function arrange(): void {
    const backends = byBackend([...known.values()].map(({ leg }) => leg));
    for (const [name, old] of rounds) {
      if (backends.has(name)) continue;
      old.stop();
      rounds.delete(name);
    }
    const fresh = [...backends].filter(([name]) => !rounds.has(name));
    for (const [name, legs] of backends) {
      const old = rounds.get(name);
      if (old !== undefined) old.legs = legs;
    }
    for (const [index, [name, legs]] of fresh.entries()) {
      const added = new Rounds(legs, roundsParts);
      rounds.set(name, added);
      added.start((settings.interval * index) / fresh.length);
    }
  }

  return {
    facts(leg) {
      return known.get(legText(leg))?.evidence.facts ?? { state: "unknown", since: clock.now(), evidence: "not probed" };
    },
    order(legs) {
      if (!legs.some(isDown)) return legs;
      return [...legs.filter((leg) => !isDown(leg)), ...legs.filter(isDown)];
    },
    succeeded: (leg) => weigh(leg, (evidence, now) => evidence.good("a session reached it", now)),
    failed: (leg, reason, client) => weigh(leg, (evidence, now) => evidence.clientFailed(clientKey(client), reason, now)),
    update(legs) {
      const before = known;
      const now = clock.now();
      known = new Map(
        legs.map((leg) => {
          const name = legText(leg);
          return [name, { leg, evidence: before.get(name)?.evidence ?? new Evidence(settings, now) }];
        }),
      );
      if (running) arrange();
    },
    start() {
      running = true;
      arrange();
    },
    stop() {
      running = false;
      for (const each of rounds.values()) each.stop();
      rounds.clear();
    },
    all: () => [...known.values()].map(({ leg, evidence }) => ({ leg, facts: evidence.facts })),
  };
}
