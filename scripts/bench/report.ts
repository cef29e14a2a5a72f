// Turns figures into one table: medians of the rounds, and how Postern stands to each peer. Knows nothing of how they came about.

import { execFileSync } from "node:child_process";
import { cpus, release, totalmem } from "node:os";
import type { ProxyRow } from "./proxies.ts";

export interface Figure {
  readonly proxy: string;
  readonly measure: string;
  readonly value: number;
}

export interface Results {
  readonly facts: Readonly<Record<string, string | number>>;
  readonly figures: Figure[];
  /** What did not run, and why. */
  readonly notes: string[];
}

/** The machine, and the versions of all that is measured. */
export function facts(rows: readonly ProxyRow[]): Record<string, string | number> {
  const found: Record<string, string | number> = {
    cores: cpus().length,
    processor: cpus()[0]?.model ?? "unknown",
    memoryGB: Math.round(totalmem() / 1e9),
    kernel: release(),
    node: process.version,
    nodeOpenssl: process.versions.openssl,
    openssl: firstLine(["openssl", "version"]),
  };
  for (const row of rows) found[row.name] = firstLine(row.version);
  return found;
}

function firstLine([command = "", ...args]: readonly string[]): string {
  try {
    const text = execFileSync("sh", ["-c", 'exec "$0" "$@" 2>&1', command, ...args], { encoding: "utf8" });
    return text.split("\n")[0] ?? "";
  } catch {
    return "not here";
  }
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

const round = (value: number): string => (value === 0 ? "0" : value >= 100 ? value.toFixed(0) : value.toPrecision(3));

/** Rows of cells: a measure, each proxy's median, and below it the ratio of the first proxy (Postern) to each. */
function cells(results: Results): string[][] {
  const proxies = [...new Set(results.figures.map((figure) => figure.proxy))];
  const measures = [...new Set(results.figures.map((figure) => figure.measure))];
  const [first = ""] = proxies;
  const value = (proxy: string, measure: string): number =>
    median(
      results.figures.filter((figure) => figure.proxy === proxy && figure.measure === measure).map((figure) => figure.value),
    );
  const rows = measures.map((measure) => {
    const own = value(first, measure);
    return [
      measure,
      ...proxies.map((proxy) => {
        const its = value(proxy, measure);
        if (Number.isNaN(its)) return "-";
        return proxy === first || Number.isNaN(own) || its === 0 ? round(its) : `${round(its)} (x${(own / its).toFixed(2)})`;
      }),
    ];
  });
  return [["", ...proxies], ...rows];
}

const reading =
  "(xN): the first proxy's figure divided by this one's. CPU, latency and memory: below 1 is better than the peer; logins, messages and MB a second: above 1.";

export function textTable(results: Results): string {
  const rows = cells(results);
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  const lines = rows.map((row) =>
    row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join("  "),
  );
  return [...lines, "", reading, ...results.notes, ""].join("\n");
}

export function markdownTable(results: Results): string {
  const [head = [], ...rows] = cells(results);
  const line = (row: readonly string[]): string => `| ${row.join(" | ")} |`;
  const facts = Object.entries(results.facts).map(([name, value]) => `- ${name}: ${value}`);
  const notes = results.notes.map((text) => `- ${text.replaceAll("\n", " ")}`);
  return [line(head), line(head.map(() => "---")), ...rows.map(line), "", reading, "", ...notes, "", ...facts, ""].join("\n");
}
