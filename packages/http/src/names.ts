// The names of fields (RFC 9110 section 5.1): tokens, the same in any case of letters. The names that come are few and always the
// same: each is checked and lowered once and then remembered, so that both cost one look-up. Throws nothing.

import { ownText } from "./own-text.ts";

const MAX_NAMES = 2000;
const MAX_NAME = 64;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

interface Name {
  readonly name: string;
  readonly lower: string;
}

const names = new Map<string, Name>();

/** A field's name in small letters. */
export function lowerName(name: string): string {
  return (names.get(name) ?? remember(name))?.lower ?? name.toLowerCase();
}

/** The name, always the same string for the same name; undefined when it is no token. */
export function tokenName(text: string): string | undefined {
  return (names.get(text) ?? remember(text))?.name;
}

export const isToken = (text: string): boolean => TOKEN.test(text);

/** The map starts afresh when it is full: names that peers invent can neither grow it nor stay in it. */
function remember(text: string): Name | undefined {
  if (!isToken(text)) return undefined;
  const name = ownText(text);
  const known = { name, lower: name.toLowerCase() };
  if (name.length > MAX_NAME) return known;
  if (names.size >= MAX_NAMES) names.clear();
  names.set(name, known);
  return known;
}
