// Reads the Test Anything Protocol (version 13) as ava writes it: a line per test, indented lines about it behind it, and
// the plan "1..N" at the end. Throws nothing: what is no TAP is passed over.

export interface TapResult {
  readonly outcome: "passed" | "failed" | "skipped";
  readonly title: string;
  /** What the reporter said about it: the error, and the test's own log. "" for nothing. */
  readonly detail: string;
}

/** Yields each result as soon as all of it was read. Returns true when the report is whole (the plan was there). */
export async function* readTap(lines: AsyncIterable<string>): AsyncGenerator<TapResult, boolean> {
  let open: TapResult | undefined;
  let whole = false;
  for await (const line of lines) {
    const next = parseResult(line);
    if (next !== undefined) {
      if (open !== undefined) yield open;
      open = next;
    } else if (/^1\.\.\d+$/.test(line)) {
      whole = true;
    } else if (open !== undefined && !whole && /^(?:#| {2})/.test(line) && !/^ {2}(?:---|\.\.\.)$/.test(line)) {
      open = { ...open, detail: `${open.detail}${line}\n` };
    }
  }
  if (open !== undefined) yield open;
  return whole;
}

function parseResult(line: string): TapResult | undefined {
  const match = /^(not )?ok \d+(?: - (.*?))?(?: # (SKIP|TODO)\b.*)?$/i.exec(line);
  if (match === null) return undefined;
  const [, not, title = "", directive] = match;
  return { outcome: directive !== undefined ? "skipped" : not !== undefined ? "failed" : "passed", title, detail: "" };
}
