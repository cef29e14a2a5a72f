// Structured fields (RFC 5322 section 3.2.2, RFC 2045 section 5.1) without what does not count: comments, "(so (nested) \) )", case,
// parameters. Linear; never throws.

/** The text with each comment replaced by a blank; quoted strings stay. undefined: a comment or a quoted string has no end. */
export function withoutComments(text: string): string | undefined {
  if (!/[("]/.test(text)) return text;
  let kept = "";
  let depth = 0;
  let quoted = false;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "\\" && (quoted || depth > 0)) at++;
    else if (character === '"' && depth === 0) quoted = !quoted;
    else if (quoted) continue;
    else if (character === "(" && depth++ === 0) kept += `${text.slice(from, at)} `;
    else if (character === ")" && depth > 0 && --depth === 0) from = at + 1;
  }
  return depth > 0 || quoted ? undefined : kept + text.slice(from);
}

/** In small letters and without comments: the value, and all of it with its parameters. What is not closed is taken as it is. */
export function plainValue(text: string): { readonly main: string; readonly whole: string } {
  const whole = (withoutComments(text) ?? text).toLowerCase();
  return { main: whole.split(";", 1)[0]?.trim() ?? "", whole };
}
