// Looks into header fields (RFC 9110 section 5). Names are asked for in small letters. Never changes a list of fields. Throws
// nothing.

import { trimmed } from "./field-lines.ts";
import type { Fields } from "./message.ts";
import { lowerName } from "./names.ts";

function isName(name: string | undefined, lower: string): boolean {
  return name !== undefined && name.length === lower.length && (name === lower || lowerName(name) === lower);
}

/** The value of the first field of this name. */
export function firstOf(fields: Fields, lower: string): string | undefined {
  for (let at = 0; at < fields.length; at += 2) if (isName(fields[at], lower)) return fields[at + 1];
  return undefined;
}

const NONE: readonly string[] = [];

/** The values of all fields of this name, in their order. */
export function allOf(fields: Fields, lower: string): readonly string[] {
  let values: string[] | undefined;
  for (let at = 0; at < fields.length; at += 2) {
    if (!isName(fields[at], lower)) continue;
    if (values === undefined) values = [fields[at + 1] ?? ""];
    else values.push(fields[at + 1] ?? "");
  }
  return values ?? NONE;
}

export function hasField(fields: Fields, lower: string): boolean {
  return firstOf(fields, lower) !== undefined;
}

/** What nearly all lists of one member are, as nearly all peers write them: of Connection. */
const USUAL: ReadonlyMap<string, readonly string[]> = new Map(
  ["keep-alive", "Keep-Alive", "close", "Close", "upgrade", "Upgrade"].map((value) => [value, [value.toLowerCase()]]),
);

/** The members of a comma list (RFC 9110 section 5.6.1) over all its lines: trimmed, in small letters, no empty ones. */
export function listOf(fields: Fields, lower: string): readonly string[] {
  const values = allOf(fields, lower);
  if (values.length === 0) return values;
  const usual = values.length === 1 ? USUAL.get(values[0] ?? "") : undefined;
  if (usual !== undefined) return usual;
  const members = values.join(",").toLowerCase().split(",");
  return members.map((member) => trimmed(member, 0, member.length)).filter((member) => member !== "");
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
