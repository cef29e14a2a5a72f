// SEARCH keys as a table (RFC 3501 section 6.4.4). Text is compared without regard to case, as bytes.

import { field, split } from "./message.ts";
import type { Message } from "./store.ts";
import { parseDate, parseSet, Refusal, word } from "./syntax.ts";
import type { Value } from "./syntax.ts";

export interface Candidate {
  readonly message: Message;
  readonly sequence: number;
}

export type SearchTest = (candidate: Candidate) => boolean;

interface Scope {
  readonly lastSequence: number;
  readonly lastUid: number;
}

/** Takes its arguments off the front of `rest`. */
type Key = (rest: Value[], scope: Scope) => SearchTest;

const DAY_MS = 86_400_000;
const flagged =
  (flag: string, wanted: boolean): Key =>
  () =>
  ({ message }) =>
    message.flags.has(flag) === wanted;
const day = (date: Date): number => Math.floor(date.getTime() / DAY_MS);
const dated =
  (dateOf: (message: Message) => Date, fits: (messageDay: number, wanted: number) => boolean): Key =>
  (rest) => {
    const wanted = day(parseDate(word(rest.shift())));
    return ({ message }) => fits(day(dateOf(message)), wanted);
  };
const internal = (message: Message): Date => message.date;
const sent = (message: Message): Date => new Date(field(split(message.raw).header, "date") ?? Number.NaN);
const sized =
  (fits: (size: number, wanted: number) => boolean): Key =>
  (rest) => {
    const wanted = Number(word(rest.shift()));
    return ({ message }) => fits(message.raw.length, wanted);
  };
const holds = (text: string | undefined, part: string): boolean => text?.toLowerCase().includes(part.toLowerCase()) ?? false;
const inField = (name: string, part: string): SearchTest => {
  return ({ message }) => holds(field(split(message.raw).header, name.toLowerCase()), part);
};
const fieldKey =
  (name: string): Key =>
  (rest) =>
    inField(name, word(rest.shift()));
const inText =
  (of: (message: Message) => string): Key =>
  (rest) => {
    const part = word(rest.shift());
    return ({ message }) => holds(of(message), part);
  };

const FLAGS = { ANSWERED: "\\Answered", DELETED: "\\Deleted", DRAFT: "\\Draft", FLAGGED: "\\Flagged", SEEN: "\\Seen" };

const KEYS: Readonly<Record<string, Key>> = {
  ...Object.fromEntries(Object.entries(FLAGS).map(([name, flag]) => [name, flagged(flag, true)])),
  ...Object.fromEntries(Object.entries(FLAGS).map(([name, flag]) => [`UN${name}`, flagged(flag, false)])),
  ALL: () => () => true,
  OLD: () => () => true,
  NEW: () => () => false,
  RECENT: () => () => false,
  KEYWORD: (rest, scope) => flagged(word(rest.shift()), true)(rest, scope),
  UNKEYWORD: (rest, scope) => flagged(word(rest.shift()), false)(rest, scope),
  BEFORE: dated(internal, (a, b) => a < b),
  ON: dated(internal, (a, b) => a === b),
  SINCE: dated(internal, (a, b) => a >= b),
  SENTBEFORE: dated(sent, (a, b) => a < b),
  SENTON: dated(sent, (a, b) => a === b),
  SENTSINCE: dated(sent, (a, b) => a >= b),
  LARGER: sized((a, b) => a > b),
  SMALLER: sized((a, b) => a < b),
  ...Object.fromEntries(["SUBJECT", "FROM", "TO", "CC", "BCC"].map((name) => [name, fieldKey(name)])),
  HEADER: (rest) => inField(word(rest.shift()), word(rest.shift())),
  BODY: inText((message) => split(message.raw).body),
  TEXT: inText((message) => message.raw.toString("latin1")),
  UID(rest, scope) {
    const inSet = parseSet(word(rest.shift()), scope.lastUid);
    return ({ message }) => inSet(message.uid);
  },
  NOT(rest, scope) {
    const test = one(rest, scope);
    return (candidate) => !test(candidate);
  },
  OR(rest, scope) {
    const left = one(rest, scope);
    const right = one(rest, scope);
    return (candidate) => left(candidate) || right(candidate);
  },
};

function one(rest: Value[], scope: Scope): SearchTest {
  const key = rest.shift();
  if (key === undefined) throw new Refusal("BAD", "A search key is missing");
  if (typeof key !== "string") return all([...key], scope);
  const known = KEYS[key.toUpperCase()];
  if (known !== undefined) return known(rest, scope);
  const inSet = parseSet(key, scope.lastSequence);
  return ({ sequence }) => inSet(sequence);
}

function all(rest: Value[], scope: Scope): SearchTest {
  const tests: SearchTest[] = [];
  while (rest.length > 0) tests.push(one(rest, scope));
  return (candidate) => tests.every((test) => test(candidate));
}

/** All keys together; a CHARSET of UTF-8 or US-ASCII in front is allowed. */
export function planSearch(keys: readonly Value[], scope: Scope): SearchTest {
  const rest = [...keys];
  if (typeof rest[0] === "string" && rest[0].toUpperCase() === "CHARSET") {
    if (!/^(utf-8|us-ascii)$/i.test(word(rest[1]))) throw new Refusal("NO", "[BADCHARSET (UTF-8)] Use UTF-8");
    rest.splice(0, 2);
  }
  return all(rest, scope);
}
