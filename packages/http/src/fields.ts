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

/** The values of all fields of this name, in their order. */
export function allOf(fields: Fields, lower: string): string[] {
  const values: string[] = [];
  for (let at = 0; at < fields.length; at += 2) if (isName(fields[at], lower)) values.push(fields[at + 1] ?? "");
  return values;
}

export function hasField(fields: Fields, lower: string): boolean {
  return firstOf(fields, lower) !== undefined;
}

/** What nearly all lists of one member are: of Connection. */
const USUAL: ReadonlySet<string> = new Set(["keep-alive", "close", "upgrade"]);

/** The members of a comma list (RFC 9110 section 5.6.1) over all its lines: trimmed, in small letters, no empty ones. */
export function listOf(fields: Fields, lower: string): string[] {
  const values = allOf(fields, lower);
  if (values.length === 0) return values;
  const members = values.join(",").toLowerCase().split(",");
  if (members.length === 1 && USUAL.has(members[0] ?? "")) return members;
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
