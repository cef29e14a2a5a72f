// The syntax of IMAP commands and answers (RFC 3501 section 9): one command with its literals as text, values, sets.
// Throws Refusal BAD for what it cannot read.

import { Gone } from "./wire.ts";
import type { Wire } from "./wire.ts";

/** A tagged NO or BAD. */
export class Refusal extends Error {
  readonly status: "NO" | "BAD";

  constructor(status: "NO" | "BAD", text: string) {
    super(text);
    this.status = status;
  }
}

/** Atoms, strings and literals are text; a list is an array. */
export type Value = string | readonly Value[];

const LITERAL = /\{(\d+)(\+?)\}$/;

const MAX_COMMAND = 32 * 1024 * 1024;

/** A whole command: lines, and the literals between them, as they came. Throws Gone. */
export async function readCommand(wire: Wire): Promise<string> {
  let line = await wire.line();
  let text = line;
  for (;;) {
    const literal = LITERAL.exec(line);
    if (literal === null) return text;
    if (text.length + Number(literal[1]) > MAX_COMMAND) throw new Gone("command too large");
    if (literal[2] === "") wire.write("+ go on\r\n");
    const bytes = await wire.bytes(Number(literal[1]));
    line = await wire.line();
    text += `\r\n${bytes}${line}`;
  }
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  values(): Value[] {
    const values: Value[] = [];
    for (;;) {
      while (this.#text[this.#at] === " ") this.#at += 1;
      const next = this.#text[this.#at];
      if (next === undefined || next === ")") return values;
      values.push(this.#value(next));
    }
  }

  get done(): boolean {
    return this.#at >= this.#text.length;
  }

  #value(first: string): Value {
    if (first === "(") return this.#list();
    if (first === '"') return this.#match(/"((?:[^"\\]|\\.)*)"/y).replace(/\\(.)/g, "$1");
    if (first === "{") return this.#literal();
    // BODY[HEADER.FIELDS (Subject)]<0.100> is one word.
    return this.#match(/((?:[^\s()"{[]|\[[^\]]*\])+)/y);
  }

  #list(): Value[] {
    this.#at += 1;
    const values = this.values();
    if (this.#text[this.#at] !== ")") throw new Refusal("BAD", "A closing bracket is missing");
    this.#at += 1;
    return values;
  }

  #literal(): string {
    const length = Number(this.#match(/\{(\d+)\+?\}\r\n/y));
    const literal = this.#text.slice(this.#at, this.#at + length);
    this.#at += length;
    return literal;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) throw new Refusal("BAD", "The arguments cannot be read");
    this.#at = pattern.lastIndex;
    return match[1] ?? "";
  }
}

export function parseValues(text: string): Value[] {
  const reader = new Reader(text);
  const values = reader.values();
  if (!reader.done) throw new Refusal("BAD", "There is a closing bracket too many");
  return values;
}

/** The value as text; Refusal BAD when it is missing or a list. */
export function word(value: Value | undefined): string {
  if (typeof value !== "string") throw new Refusal("BAD", "An argument is missing");
  return value;
}

/** "1:3,7,*" as a test; `*` is `last`. */
export function parseSet(set: string, last: number): (n: number) => boolean {
  if (!/^(\d+|\*)(:(\d+|\*))?(,(\d+|\*)(:(\d+|\*))?)*$/.test(set)) throw new Refusal("BAD", "The set of messages cannot be read");
  const end = (text: string): number => (text === "*" ? last : Number(text));
  const ranges = set.split(",").map((range) => {
    const [from = "", to = from] = range.split(":");
    return [Math.min(end(from), end(to)), Math.max(end(from), end(to))] as const;
  });
  return (n) => ranges.some(([from, to]) => from <= n && n <= to);
}

/** A string on the wire: quoted where that is possible, a literal otherwise; NIL for undefined. */
export function nstring(text: string | undefined): string {
  if (text === undefined) return "NIL";
  return /^[ !#-[\]-~]{0,1000}$/.test(text) ? `"${text}"` : literal(text);
}

export function literal(text: string): string {
  return `{${text.length}}\r\n${text}`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const two = (n: number): string => String(n).padStart(2, "0");

/** INTERNALDATE, in UTC, with its quotes. */
export function dateTime(date: Date): string {
  const day = `${two(date.getUTCDate())}-${MONTHS[date.getUTCMonth()]}-${date.getUTCFullYear()}`;
  return `"${day} ${date.toISOString().slice(11, 19)} +0000"`;
}

/** "22-Nov-2026", or with a time and zone as APPEND gives it. */
export function parseDate(text: string): Date {
  const match = /^ ?(\d{1,2})-([A-Za-z]{3})-(\d{4})( \d\d:\d\d:\d\d [+-]\d{4})?$/.exec(text);
  const date =
    match === null ? new Date(Number.NaN) : new Date(`${match[1]} ${match[2]} ${match[3]}${match[4] ?? " 00:00:00 +0000"}`);
  if (Number.isNaN(date.getTime())) throw new Refusal("BAD", "The date cannot be read");
  return date;
}
