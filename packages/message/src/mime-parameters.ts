// Parameters of Content-Type and Content-Disposition (RFC 2045 section 5.1), as strictly and as loosely as mail programs read
// them: where readings differ (comments, quotes without an end, text behind a quote), all of them are given. Linear; never throws.

import { withoutComments } from "./comments.ts";

export interface HeaderValue {
  /** Before the first ";", in small letters: "text/plain", "attachment"; "" has none. */
  readonly main: string;
  /** Names in small letters; a name may stand there several times, and so may readings of one value. */
  readonly parameters: readonly (readonly [name: string, value: string])[];
}

const MOST = 500;

/** `text`: unfolded. */
export function readHeaderValue(text: string): HeaderValue {
  const plain = text.includes("(") ? withoutComments(text) : undefined;
  const asItIs = pieces(text);
  const all = plain === undefined || plain === text ? asItIs : [...pieces(plain), ...asItIs];
  const main = (plain ?? text).split(";", 1)[0] ?? "";
  return {
    main: main.includes("=") ? "" : main.trim().toLowerCase(),
    parameters: all.slice(0, MOST).flatMap(readings),
  };
}

/** What stands between semicolons; those inside of quotes do not count. A quote without an end is none, nor are those behind it. */
function pieces(text: string): string[] {
  const found: string[] = [];
  let start = 0;
  let quotes = true;
  for (let at = 0; at < text.length && found.length < MOST; at++) {
    const character = text[at];
    if (character === '"' && quotes) {
      const end = quoteEnd(text, at);
      quotes = end !== undefined;
      at = end ?? at;
    } else if (character === ";") {
      found.push(text.slice(start, at));
      start = at + 1;
    }
  }
  return [...found, text.slice(start)];
}

/** Where the quote that opens at `at` is closed. */
function quoteEnd(text: string, at: number): number | undefined {
  for (let end = at + 1; end < text.length; end++) {
    if (text[end] === "\\") end++;
    else if (text[end] === '"') return end;
  }
  return undefined;
}

function readings(piece: string): [string, string][] {
  const equals = piece.indexOf("=");
  if (equals === -1) return [];
  // The semicolon before it may be missing.
  const words = piece
    .slice(0, equals)
    .trim()
    .toLowerCase()
    .split(/[\s,]+/);
  const name = words.at(-1) ?? "";
  const raw = piece.slice(equals + 1).trim();
  if (!raw.startsWith('"')) return [[name, raw]];
  const end = quoteEnd(raw, 0);
  const quoted = unescaped(raw.slice(1, end));
  const behind = end === undefined ? "" : raw.slice(end + 1).trim();
  return behind === ""
    ? [[name, quoted]]
    : [
        [name, quoted],
        [name, quoted + behind],
      ];
}

const unescaped = (text: string): string => text.replace(/\\(.)/g, "$1");
