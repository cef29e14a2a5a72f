// What rspamd says of a message: an action, a score with the symbols behind it, and changes of the header that it wants.
// Everything in it is checked: its texts hold what strangers wrote. Throws Error for what is no answer.

import type { HeaderEdit } from "@postern/contracts";
import { cleanText } from "@postern/lookup";
import { cleanText as cleanField } from "@postern/message";

export interface RspamdAnswer {
  /** "no action", "add header", "reject" … */
  readonly action: string;
  readonly score: number;
  /** The weightiest ones, as "NAME(1.5)". */
  readonly symbols: readonly string[];
  /** For the client; "" where it gave none. */
  readonly words: string;
  /** Of "rewrite subject"; "" where it gave none. */
  readonly subject: string;
  readonly edits: readonly HeaderEdit[];
}

const MAX_SYMBOLS = 20;
const MAX_EDITS = 100;
const MAX_VALUE = 16 * 1024;
const FIELD_NAME = /^[!-9;-~]{1,76}$/;

type Facts = Readonly<Record<string, unknown>>;

const factsOf = (value: unknown): Facts =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Facts) : {};
const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
const numberOf = (value: unknown): number => (typeof value === "number" && Number.isFinite(value) ? value : 0);

/** A value that comes folded, as one line. */
const lineOf = (value: string): string => cleanField(value.replaceAll(/\r?\n(?=[ \t])/g, ""), MAX_VALUE);

function symbolsOf(value: unknown): string[] {
  const weighed = Object.entries(factsOf(value)).map(([name, facts]) => ({ name, score: numberOf(factsOf(facts).score) }));
  weighed.sort((a, b) => Math.abs(b.score) - Math.abs(a.score));
  return weighed.slice(0, MAX_SYMBOLS).map(({ name, score }) => `${cleanText(name).slice(0, 60)}(${score})`);
}

/** "value", { value, order }, or several of them. A field with an order from 0 up stands at the top. */
function added(name: string, given: unknown): HeaderEdit[] {
  if (Array.isArray(given)) return given.flatMap((one: unknown) => added(name, one));
  const { value = given, order = -1 } = factsOf(given);
  if (typeof value !== "string") return [];
  return [{ do: numberOf(order) < 0 ? "append" : "prepend", name, value: lineOf(value) }];
}

/** 0: all fields of the name; otherwise the nth, from the end where it is negative. */
function removed(name: string, given: unknown, count: number): HeaderEdit[] {
  if (Array.isArray(given)) return given.flatMap((one: unknown) => removed(name, one, count));
  const nth = numberOf(given);
  if (count === 0 || !Number.isInteger(nth)) return [];
  if (nth === 0) return [{ do: "remove", name }];
  const place = nth < 0 ? count + 1 + nth : nth;
  return place >= 1 && place <= count ? [{ do: "remove", name, nth: place }] : [];
}

function editsOf(value: unknown, countOf: (name: string) => number): HeaderEdit[] {
  const { add_headers: adds, remove_headers: removes } = factsOf(value);
  const named = (fields: unknown): [string, unknown][] =>
    Object.entries(factsOf(fields)).filter(([name]) => FIELD_NAME.test(name));
  // What came is removed before anything is added.
  const edits = [
    ...named(removes).flatMap(([name, given]) => removed(name, given, countOf(name))),
    ...named(adds).flatMap(([name, given]) => added(name, given)),
  ];
  return edits.slice(0, MAX_EDITS);
}

/** `countOf`: how many fields of a name the message has. */
export function readAnswer(body: Buffer, countOf: (name: string) => number): RspamdAnswer {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString("utf8"));
  } catch {
    throw new Error("answered with something that is not JSON");
  }
  const { action, score, symbols, messages, subject, milter } = factsOf(parsed);
  if (typeof action !== "string" || typeof score !== "number") throw new Error("answered without an action and a score");
  return {
    action: cleanText(action),
    score: numberOf(score),
    symbols: symbolsOf(symbols),
    words: cleanText(textOf(factsOf(messages).smtp_message)),
    subject: lineOf(textOf(subject)),
    edits: editsOf(milter, countOf),
  };
}
