// User names with `*` for any run of characters, divided at the last "@" so that a star never reaches from the local part
// into the domain. Matching takes time linear in the name (no regular expressions: names come from strangers). Throws nothing.

export interface Pattern {
  readonly text: string;
  /** How many characters are not stars: the more, the more specific. */
  readonly literals: number;
  readonly local: readonly string[];
  /** undefined when the pattern has no "@": it then matches only names without one. */
  readonly domain: readonly string[] | undefined;
}

/** A name as its local part and its domain; the domain is undefined when there is no "@". */
export function splitUser(user: string): { readonly local: string; readonly domain: string | undefined } {
  const at = user.lastIndexOf("@");
  return at === -1 ? { local: user, domain: undefined } : { local: user.slice(0, at), domain: user.slice(at + 1) };
}

export function parsePattern(text: string): Pattern {
  const { local, domain } = splitUser(text);
  return { text, literals: text.replaceAll("*", "").length, local: local.split("*"), domain: domain?.split("*") };
}

/** Does a pattern, split at its stars, match? Its pieces must occur in order; the first at the start, the last at the end. */
export function piecesMatch(pieces: readonly string[], text: string): boolean {
  const first = pieces[0] ?? "";
  const last = pieces[pieces.length - 1] ?? "";
  if (pieces.length === 1) return text === first;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let from = first.length;
  for (const piece of pieces.slice(1, -1)) {
    const at = text.indexOf(piece, from);
    if (at === -1 || at + piece.length > end) return false;
    from = at + piece.length;
  }
  return true;
}

export function patternMatches(pattern: Pattern, user: string): boolean {
  const { local, domain } = splitUser(user);
  if (pattern.domain === undefined || domain === undefined) {
    return pattern.domain === domain && piecesMatch(pattern.local, local);
  }
  return piecesMatch(pattern.domain, domain) && piecesMatch(pattern.local, local);
}

/** Most specific first: more literal characters, then fewer stars, then as given (sort is stable). */
export function bySpecificity(a: Pattern, b: Pattern): number {
  const stars = (pattern: Pattern): number => pattern.text.length - pattern.literals;
  return b.literals - a.literals || stars(a) - stars(b);
}
