// Counters and gauges of one process. The table is the source: names, labels, help. A hot path asks for its cell once and
// then only adds to a number. Values of labels come from tables and the configuration; should one grow without end, its
// metric stops at a number of series and counts the rest under "other". Never throws.

import type { Ending, FailureKind } from "@postern/contracts";

export interface MetricRow {
  readonly type: "counter" | "gauge";
  readonly help: string;
  readonly unit?: "bytes";
  readonly labels: readonly (keyof LabelValues)[];
}

/** What each label may say. */
interface LabelValues {
  readonly protocol: string;
  readonly backend: string;
  readonly ending: Ending;
  readonly kind: FailureKind;
  readonly direction: "in" | "out";
  readonly login: "ok" | "failed";
  readonly dial: "ok" | "failed";
}

export const METRICS = {
  sessions: { type: "counter", help: "Sessions that have ended", labels: ["protocol", "ending"] },
  open_sessions: { type: "gauge", help: "Sessions that are open now", labels: ["protocol"] },
  failures: { type: "counter", help: "Failures by kind, also those after which the session went on", labels: ["kind"] },
  logins: { type: "counter", help: "Logins tried", labels: ["protocol", "login"] },
  dials: { type: "counter", help: "Connections to backends tried", labels: ["backend", "dial"] },
  relayed_bytes: {
    type: "counter",
    unit: "bytes",
    help: "Bytes relayed after login; in is from the client",
    labels: ["protocol", "direction"],
  },
} as const satisfies Record<string, MetricRow>;

export type MetricName = keyof typeof METRICS;
type ValuesOf<L extends readonly (keyof LabelValues)[]> = { readonly [I in keyof L]: LabelValues[L[I]] };
/** One value for each label of the metric, in order. */
export type Values<N extends MetricName> = ValuesOf<(typeof METRICS)[N]["labels"]>;

/** One number that grows, or moves both ways for a gauge. */
export interface Cell {
  add(by: number): void;
}

export interface Sample {
  readonly values: readonly string[];
  readonly value: number;
}

/** Plain data: it can travel between processes. */
export type Snapshot = Readonly<Record<MetricName, readonly Sample[]>>;

export interface Metrics {
  /** The cell of these label values. Ask once and keep it where it is hot. */
  cell<N extends MetricName>(name: N, ...values: Values<N>): Cell;
  snapshot(): Snapshot;
}

/** Series of one metric; the rest is counted as "other". */
const MAX_SERIES = 1000;

class NumberCell implements Cell {
  readonly values: readonly string[];
  value = 0;

  constructor(values: readonly string[]) {
    this.values = values;
  }

  add(by: number): void {
    this.value += by;
  }
}

const NAMES = Object.keys(METRICS) as MetricName[];

function perMetric<T>(of: (name: MetricName) => T): Readonly<Record<MetricName, T>> {
  return Object.fromEntries(NAMES.map((name) => [name, of(name)])) as Record<MetricName, T>;
}

type Cells = Map<string, NumberCell>;

const samplesOf = (cells: Cells): Sample[] => [...cells.values()].map(({ values, value }) => ({ values, value }));

export function createMetrics(): Metrics {
  const all = perMetric((): Cells => new Map());

  function cellOf(cells: Cells, values: readonly string[]): NumberCell {
    const key = values.join("\0");
    const known = cells.get(key);
    if (known !== undefined) return known;
    const other = values.map(() => "other");
    if (cells.size >= MAX_SERIES && key !== other.join("\0")) return cellOf(cells, other);
    const fresh = new NumberCell(values);
    cells.set(key, fresh);
    return fresh;
  }

  return {
    cell: (name, ...values) => cellOf(all[name], values),
    snapshot: () => perMetric((name) => samplesOf(all[name])),
  };
}

/** The sums of several processes' snapshots. */
export function sumSnapshots(snapshots: readonly Snapshot[]): Snapshot {
  return perMetric((name) => {
    const sums: Cells = new Map();
    for (const { values, value } of snapshots.flatMap((snapshot) => snapshot[name])) {
      const key = values.join("\0");
      const sum = sums.get(key) ?? new NumberCell(values);
      sums.set(key, sum);
      sum.add(value);
    }
    return samplesOf(sums);
  });
}
