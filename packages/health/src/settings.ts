// Settings of health: how often backends are probed, and how much evidence moves one up or down.

import { durationText, setting, type Contradiction, type ValueOf } from "@postern/contracts";

const { duration, group, integer } = setting;

export const healthSettings = group("Which backends may be dialled. A backend that nothing is known of may be.", {
  interval: duration("Time from one probe of a backend to the next. Probes of many backends are spread over it.", {
    default: 5000,
    min: 100,
    max: 3_600_000,
  }),
  timeout: duration("A probe without an answer fails after so long.", { default: 3000, min: 50, max: 300_000 }),
  jitter: integer("Percent by which each interval is made longer or shorter at random, so that nodes do not probe in step.", {
    default: 10,
    min: 0,
    max: 50,
  }),
  rise: integer("Good probes in a row that bring a backend up again after it was down.", { default: 2, min: 1, max: 100 }),
  fall: integer("Failed probes in a row that take a backend down.", { default: 2, min: 1, max: 100 }),
  fallClients: integer(
    "Different client addresses whose connections must fail to reach a backend, one after the other, before it is taken down without waiting for probes. With 1, a single client that a backend blocks takes it down for everybody.",
    { default: 2, min: 1, max: 1000 },
  ),
  window: duration("Failed connections of clients count together when they are not older than this.", {
    default: 30_000,
    min: 1000,
    max: 3_600_000,
  }),
});

export type HealthSettings = ValueOf<typeof healthSettings>;

/** What the table alone cannot see: probes that take longer than the interval delay the next ones. */
export function healthContradictions({ interval, timeout }: HealthSettings): readonly Contradiction[] {
  if (timeout <= interval) return [];
  const problem = `must be at most the interval (${durationText(interval)}), not ${durationText(timeout)}`;
  return [{ key: "timeout", problem }];
}
