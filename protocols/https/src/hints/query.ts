// The query of a request's target (RFC 3986 section 3.4) as name=value pairs. "+" stays "+": it stands in addresses. Throws
// nothing.

/** Behind the "?"; "" where there is none. */
export function queryOf(target: string): string {
  const mark = target.indexOf("?");
  return mark === -1 ? "" : target.slice(mark + 1);
}

/**
 * The value of a parameter, decoded; names are compared in any case of letters. undefined: it is not there, it is no UTF-8, or
 * it is there twice, so that it cannot be said which one a backend takes.
 */
export function parameterOf(query: string, name: string): string | undefined {
  const wanted = name.toLowerCase();
  let found: string | undefined;
  for (let from = 0; from < query.length;) {
    const and = query.indexOf("&", from);
    const end = and === -1 ? query.length : and;
    const equals = query.indexOf("=", from);
    if (equals !== -1 && equals < end && equals - from === wanted.length && query.slice(from, equals).toLowerCase() === wanted) {
      if (found !== undefined) return undefined;
      found = query.slice(equals + 1, end);
    }
    from = end + 1;
  }
  return found === undefined ? undefined : percentDecoded(found);
}

/** undefined: it is not UTF-8, or a "%" encodes nothing. */
export function percentDecoded(text: string): string | undefined {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
