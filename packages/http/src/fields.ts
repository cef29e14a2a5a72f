// Reads header fields (RFC 9110 section 5). Names are compared in small letters; lowerName remembers them, so that this costs
// next to nothing. Never changes a list of fields. Throws nothing.

import type { Fields } from "./message.ts";

const MAX_NAMES = 2000;
const MAX_NAME = 64;
const names = new Map<string, string>();

/** A field's name in small letters. */
export function lowerName(name: string): string {
  return names.get(name) ?? remembered(name);
}

/** The map starts afresh when it is full: names that peers invent do not stay, and cannot grow it. */
function remembered(name: string): string {
  const lower = name.toLowerCase();
  if (name.length > MAX_NAME) return lower;
  if (names.size >= MAX_NAMES) names.clear();
  // A name that was cut out of a head would keep that whole head, with its passwords, in memory.
  const copy = Buffer.from(name, "latin1").toString("latin1");
  if (copy === name) names.set(copy, lower === name ? copy : lower);
  return lower;
}

function isName(name: string | undefined, lower: string): boolean {
  return name !== undefined && name.length === lower.length && (name === lower || lowerName(name) === lower);
}

/** The value of the first field of this name. */
export function firstOf(fields: Fields, lower: string): string | undefined {
  for (let at = 0; at < fields.length; at += 2) if (isName(fields[at], lower)) return fields[at + 1];
  return undefined;
}

/** The values of all fields of this name, in their order. */
export function allOf(fields: Fields, lower: string): string[] {
  const values: string[] = [];
  for (let at = 0; at < fields.length; at += 2) if (isName(fields[at], lower)) values.push(fields[at + 1] ?? "");
  return values;
}

export function hasField(fields: Fields, lower: string): boolean {
  return firstOf(fields, lower) !== undefined;
}

/** The members of a comma list (RFC 9110 section 5.6.1) over all its lines: trimmed, in small letters, no empty ones. */
export function listOf(fields: Fields, lower: string): string[] {
  if (!hasField(fields, lower)) return [];
  const members = allOf(fields, lower).join(",").toLowerCase().split(",");
  return members.map((member) => member.trim()).filter((member) => member !== "");
}

/** The fields whose names, in small letters, are not dropped. */
export function withoutFields(fields: Fields, isDropped: (lower: string) => boolean): string[] {
  const kept: string[] = [];
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] ?? "";
    if (!isDropped(lowerName(name))) kept.push(name, fields[at + 1] ?? "");
  }
  return kept;
}
