// Makes values safe to write down. Control characters, line ends and characters that turn the direction of text become
// visible escapes, so that a user name can neither forge a log line nor drive a terminal; long values are cut; secrets
// are masked, by type and by the name of their field. Depth and width are bounded. Never throws, never changes its input.

import { Failure, Secret } from "@postern/contracts";

/** A value that any format can print. */
export type Plain = string | number | boolean | null | readonly Plain[] | { readonly [key: string]: Plain };
export type PlainFields = Readonly<Record<string, Plain>>;

/** Characters of one value. */
const MAX_TEXT = 1000;
const MAX_STACK = 3000;
const MAX_DEPTH = 4;
const MAX_ENTRIES = 50;
const MASK = "***";

/** What most texts are made of, and needs no closer look. */
const SAFE = /^[ -~]*$/;
/** C0 and C1 controls, line and paragraph separators, bidirectional controls, and halves of surrogate pairs. */
const UNSAFE = /[\p{Cc}\p{Cs}\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff]/gu;

const SECRET_NAME = /passw(?:or)?d|passphrase|pass$|secret|token|authorization|credential|cookie/i;

function escaped(character: string): string {
  const code = character.charCodeAt(0);
  return code < 256 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
}

/** One line of text that is safe on a terminal; what is longer than `max` characters is cut, and the rest counted. */
export function cleanText(text: string, max: number = MAX_TEXT): string {
  if (text.length <= max && SAFE.test(text)) return text;
  const kept = text.length > max ? text.slice(0, max) : text;
  const clean = kept.replace(UNSAFE, escaped);
  return kept === text ? clean : `${clean}… (${text.length - max} more characters)`;
}

/** Would a field of this name hold a secret? */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

/** An expected failure is told by kind and reason; any other error with its stack, on one line. */
function cleanError(error: Error): string {
  if (error instanceof Failure) return cleanText(`${error.kind}: ${error.message}`);
  const lines = (error.stack ?? `${error.name}: ${error.message}`).split("\n").map((line) => line.trim());
  return cleanText(lines.join(" | "), MAX_STACK);
}

function cleanEntries<K>(keys: Iterable<K>, valueOf: (key: K) => unknown, depth: number): PlainFields {
  const clean: Record<string, Plain> = Object.create(null) as Record<string, Plain>;
  let left = MAX_ENTRIES;
  for (const key of keys) {
    const value = valueOf(key);
    if (value === undefined) continue;
    if (left === 0) break;
    left -= 1;
    const name = cleanText(String(key), 100);
    clean[name] = isSecretName(name) ? MASK : cleanValue(value, depth);
  }
  return clean;
}

const cleanOwn = (value: Readonly<Record<string, unknown>>, depth: number): PlainFields =>
  cleanEntries(Object.keys(value), (key) => value[key], depth);

function cleanObject(value: object, depth: number): Plain {
  if (value instanceof Secret) return MASK;
  if (value instanceof Error) return cleanError(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "invalid date" : value.toISOString();
  if (ArrayBuffer.isView(value)) return `<${value.byteLength} bytes>`;
  if (depth === 0) return "…";
  if (Array.isArray(value)) return value.slice(0, MAX_ENTRIES).map((each) => cleanValue(each, depth - 1));
  if (value instanceof Map) return cleanEntries<unknown>(value.keys(), (key) => value.get(key), depth - 1);
  if (value instanceof Set) return [...value].slice(0, MAX_ENTRIES).map((each) => cleanValue(each, depth - 1));
  return cleanOwn(value as Readonly<Record<string, unknown>>, depth - 1);
}

function cleanValue(value: unknown, depth: number): Plain {
  if (typeof value === "string") return cleanText(value);
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "boolean" || value === null) return value;
  if (typeof value === "object") return cleanObject(value, depth);
  if (typeof value === "bigint") return String(value);
  return `<${typeof value}>`;
}

/** The fields of a log line, made safe. Fields that are undefined are left out. */
export function cleanFields(fields: Readonly<Record<string, unknown>>): PlainFields {
  return cleanOwn(fields, MAX_DEPTH);
}
