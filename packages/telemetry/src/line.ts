// One log line of its parts: as text for people, as JSON for collectors. Both end without a line end and hold none.
// Fields are clean already (redact.ts). Never throws.

import { durationText } from "@postern/contracts";
import type { Plain, PlainFields } from "./redact.ts";

export interface Line {
  /** Milliseconds of the wall clock; undefined: no time stamp. */
  readonly time: number | undefined;
  readonly level: string;
  readonly message: string;
  readonly fields: PlainFields;
}

const RESERVED: ReadonlySet<string> = new Set(["time", "level", "message"]);

/** {"time":…,"level":…,"message":…, fields}: a field cannot take the place of the first three. */
export function jsonLine({ time, level, message, fields }: Line): string {
  const own = Object.entries(fields).map(([key, value]) => [RESERVED.has(key) ? `${key}_` : key, value] as const);
  const stamp = time === undefined ? {} : { time: new Date(time).toISOString() };
  return JSON.stringify({ ...stamp, level, message, ...Object.fromEntries(own) });
}

/** Durations to two units: 754321 is "12min34s". */
function roundDuration(ms: number): string {
  if (ms < 1000) return durationText(Math.round(ms));
  const seconds = Math.round(ms / 1000);
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ] as const;
  const first = parts.findIndex(([count]) => count > 0);
  const shown = parts.slice(first, first + 2).filter(([count]) => count > 0);
  return shown.map(([count, unit]) => `${count}${unit}`).join("");
}

function roundSize(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = bytes < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)}${units[power]}`;
}

const quoted = (text: string): string => (/^[^\s"=]+$/.test(text) ? text : JSON.stringify(text));

function fieldText(key: string, value: Plain): string {
  if (typeof value === "number" && key.endsWith("Ms")) return `${key.slice(0, -2)}=${roundDuration(value)}`;
  if (typeof value === "number" && key.startsWith("bytes")) return `${key}=${roundSize(value)}`;
  if (typeof value === "string") return `${key}=${quoted(value)}`;
  return `${key}=${typeof value === "object" && value !== null ? JSON.stringify(value) : String(value)}`;
}

/** 2026-11-22T08:30:01.123Z info  message key=value key="a value" */
export function textLine({ time, level, message, fields }: Line): string {
  const stamp = time === undefined ? "" : `${new Date(time).toISOString()} `;
  let line = `${stamp}${level.padEnd(5)} ${message}`;
  for (const key in fields) line += ` ${fieldText(key, fields[key] ?? null)}`;
  return line;
}
