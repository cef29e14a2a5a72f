// The reply to EHLO (RFC 5321 section 4.1.1.1), the same for both roles: a list of our own, or one set by hand, which is sent as
// written and completed by what it does not name.

/** The lines behind our name. STARTTLS is not offered inside TLS, whoever wrote it down. */
export function ehloList(
  byHand: readonly string[] | undefined,
  own: () => readonly string[],
  more: readonly string[],
  secure: boolean,
): string[] {
  const lines = (byHand ?? own()).filter((line) => line.toUpperCase() !== "STARTTLS" || !secure);
  const named = new Set(lines.map(keywordOf));
  return [...lines, ...more.filter((line) => !named.has(keywordOf(line)))];
}

export const keywordOf = (line: string): string => line.toUpperCase().split(" ")[0] ?? "";

/** The reply, complete. */
export function ehloText(hostname: string, lines: readonly string[]): string {
  const all = [hostname, ...lines];
  return all.map((line, index) => `250${index === all.length - 1 ? " " : "-"}${line}\r\n`).join("");
}
