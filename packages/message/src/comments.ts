// Comments of structured fields (RFC 5322 section 3.2.2): "(so (nested) \) )". They go, quoted strings stay as they are. Linear;
// never throws.

/** The text with each comment replaced by a blank. undefined: a comment or a quoted string has no end. */
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
