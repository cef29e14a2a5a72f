// Header fields that mailbox servers or mail programs believe, and that strangers must therefore not send: what Exchange servers
// tell each other, our own, and the marks of voice mail and faxes (forged voice mail is a known form of phishing).
//
// A pattern is a name, or a name, a colon and a value; "*" at the end of either stands for any rest. A value is compared in small
// letters, without comments and without parameters; in quotes or in encoded-words (RFC 2047) it is the same. The type of a message
// (Content-Type) is no mark: without it the message could not be read.

import type { HeaderEdit, MailHeader } from "@postern/contracts";
import { plainValue } from "./comments.ts";
import { hasWords, wordsDecoded } from "./encoded-words.ts";
import { parsed } from "./header.ts";
import { KIND_SIGNS } from "./kinds.ts";

const MARKS = KIND_SIGNS.filter(({ field }) => field !== "content-type").flatMap(({ field, values }) =>
  values === undefined ? [field] : values.map((value) => `${field}: ${value}`),
);

export const DEFAULT_STRIPPED: readonly string[] = [
  "x-ms-exchange-organization-*",
  "x-ms-exchange-forest-*",
  "x-postern-*",
  ...MARKS,
  "x-callingtelephonenumber",
  "x-callid",
  "x-attachmentorder",
  "x-voicemessageattachmentorder",
  "x-requireprotectedplayonphone",
];

interface Pattern {
  readonly name: Words;
  /** undefined: any value. */
  readonly value: Words | undefined;
}

interface Words {
  readonly text: string;
  /** More may follow. */
  readonly open: boolean;
}

/** The same list comes with every message of a configuration. */
const read = new WeakMap<readonly string[], readonly Pattern[]>();

/** Removes the fields that fit a pattern. */
export function stripForged(header: MailHeader, patterns: readonly string[]): HeaderEdit[] {
  let all = read.get(patterns);
  if (all === undefined) read.set(patterns, (all = patterns.map(patternOf)));
  const edits: HeaderEdit[] = [];
  for (const name of parsed(header).names()) {
    const named = all.filter((pattern) => fits(pattern.name, name));
    if (named.length === 0) continue;
    if (named.some(({ value }) => value === undefined)) edits.push({ do: "remove", name });
    else edits.push(...byValue(header, name, named));
  }
  return edits;
}

function byValue(header: MailHeader, name: string, patterns: readonly Pattern[]): HeaderEdit[] {
  return header.all(name).flatMap((text, index): HeaderEdit[] => {
    const readings = readingsOf(text);
    const bad = patterns.some(({ value }) => value !== undefined && readings.some((reading) => fits(value, reading)));
    return bad ? [{ do: "remove", name, nth: index + 1 }] : [];
  });
}

function readingsOf(text: string): readonly string[] {
  const all = hasWords(text) ? [text, wordsDecoded(text)] : [text];
  const values = all.map((one) => plainValue(one).main);
  return values.flatMap((one) => (one.includes('"') ? [one, one.replaceAll('"', "").trim()] : [one]));
}

function patternOf(text: string): Pattern {
  const colon = text.indexOf(":");
  if (colon === -1) return { name: wordsOf(text), value: undefined };
  return { name: wordsOf(text.slice(0, colon)), value: wordsOf(text.slice(colon + 1)) };
}

function wordsOf(text: string): Words {
  const lower = text.trim().toLowerCase();
  const open = lower.endsWith("*");
  return { text: open ? lower.slice(0, -1) : lower, open };
}

const fits = ({ text, open }: Words, found: string): boolean => (open ? found.startsWith(text) : found === text);
