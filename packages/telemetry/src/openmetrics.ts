// A snapshot of the metrics as OpenMetrics 1.0 text, which Prometheus and its kin read. Never throws.

import { METRICS, type MetricName, type MetricRow, type Sample, type Snapshot } from "./metrics.ts";

/** The media type to serve the text with. */
export const OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const escaped = (value: string): string => value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");

function sampleLine(name: string, row: MetricRow, { values, value }: Sample): string {
  const labels = row.labels.map((label, index) => `${label}="${escaped(values[index] ?? "")}"`);
  return `${name}${row.type === "counter" ? "_total" : ""}{${labels.join(",")}} ${value}\n`;
}

function family(metric: MetricName, samples: readonly Sample[]): string {
  const row: MetricRow = METRICS[metric];
  const name = `postern_${metric}`;
  const unit = row.unit === undefined ? "" : `# UNIT ${name} ${row.unit}\n`;
  const lines = samples.map((sample) => sampleLine(name, row, sample));
  return `# TYPE ${name} ${row.type}\n${unit}# HELP ${name} ${escaped(row.help)}\n${lines.join("")}`;
}

/** All families in the order of the table, ended by the end marker. */
export function renderOpenMetrics(snapshot: Snapshot): string {
  const families = (Object.keys(METRICS) as MetricName[]).map((name) => family(name, snapshot[name]));
  return `${families.join("")}# EOF\n`;
}
