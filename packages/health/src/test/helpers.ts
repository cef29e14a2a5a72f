// What the tests of this package share: legs, and a monitor on a bench with a fake clock and probes that do as told.

import type { Leg } from "@postern/contracts";
import { createFakeClock, createMemoryLogger, testLeg, type FakeClock, type LogRecord } from "@postern/testing";
import { createHealthMonitor, type HealthMonitor } from "../monitor.ts";
import type { Probe } from "../rounds.ts";
import type { HealthSettings } from "../settings.ts";

export const SETTINGS: HealthSettings = {
  interval: 1000,
  timeout: 300,
  jitter: 0,
  rise: 2,
  fall: 2,
  fallClients: 2,
  window: 10_000,
};

export const leg = (backend: string, protocol = "imap", port = 143): Leg => testLeg(port, { backend, protocol });

export const A = leg("a");
export const B = leg("b");
export const C = leg("c");

export interface Bench {
  readonly clock: FakeClock;
  readonly monitor: HealthMonitor;
  /** What each backend's probe does next; good when it is not named. */
  readonly does: Map<string, Probe>;
  readonly probed: string[];
  readonly lines: readonly LogRecord[];
}

export function bench(settings: Partial<HealthSettings> = {}, legs: readonly Leg[] = [A, B, C]): Bench {
  const clock = createFakeClock();
  const does = new Map<string, Probe>();
  const probed: string[] = [];
  const logger = createMemoryLogger();
  const probe: Probe = (asked, signal) => {
    probed.push(asked.backend);
    return (does.get(asked.backend) ?? (async () => "connected in 2 ms"))(asked, signal);
  };
  const monitor = createHealthMonitor({ settings: { ...SETTINGS, ...settings }, clock, logger, probe, random: () => 0.5 });
  monitor.update(legs);
  return { clock, monitor, does, probed, lines: logger.records };
}

export const refused: Probe = () => Promise.reject(new Error("connection refused"));
export const names = (legs: readonly Leg[]): string => legs.map(({ backend }) => backend).join("");
