// What filters have in common: a check with an action and a score, findings that are there once, and words of strangers made
// fit for replies and the log. Never throws.

import { found, setting, stop, type FilterAnswer, type Finding } from "@postern/contracts";

const { choice, group, integer } = setting;

/** What a check does with what it finds: the code of the reply. All but off count its score. */
const CODES = { off: undefined, score: undefined, defer: 450, refuse: 550 } as const;
type Action = keyof typeof CODES;

/** Switches a filter on. */
export const on = setting.boolean("Switches it on.", { default: false });

/** A score that counts against the mail. */
export const points = (doc: string, fallback: number) => integer(doc, { default: fallback, min: 0, max: 1000 });

/** A sum of scores at which something is done; 0: never. */
export const threshold = (doc: string, fallback: number) =>
  integer(`${doc} 0 means never.`, { default: fallback, min: 0, max: 100_000 });

/** One thing that may be found; its action alone may be written for the group. */
export const check = (doc: string, fallback: { readonly action: Action; readonly score: number }) =>
  group(
    doc,
    {
      action: choice(
        "Do nothing, count the score, tell the client to come later, or refuse.",
        ["off", "score", "defer", "refuse"],
        { default: fallback.action },
      ),
      score: points("What it counts.", fallback.score),
    },
    { short: "action" },
  );

/** Notes a finding; one of the same symbol gives way, since a client may say hello again. */
export function note(findings: Finding[], finding: Finding): void {
  const at = findings.findIndex(({ symbol }) => symbol === finding.symbol);
  if (at === -1) findings.push(finding);
  else findings[at] = finding;
}

/** Takes back what was found under these symbols. */
export function takeBack(findings: Finding[], symbols: ReadonlySet<string>): void {
  const kept = findings.filter(({ symbol }) => !symbols.has(symbol));
  findings.splice(0, findings.length, ...kept);
}

export interface Fault {
  readonly symbol: string;
  /** The class is put before it: "7.1". */
  readonly detail: string;
  /** For the client and the log. */
  readonly text: string;
}

/** Does with a fault what its check says. */
export function judge(
  { action, score }: { readonly action: Action; readonly score: number },
  findings: Finding[],
  { symbol, detail, text }: Fault,
): FilterAnswer {
  if (action === "off") return undefined;
  note(findings, found(symbol, score, text));
  const code = CODES[action];
  return code === undefined ? undefined : stop(code, `${code === 450 ? 4 : 5}.${detail}`, text);
}

/** Text of strangers for a reply or the log: printable ASCII on one line, not longer than this. */
export function printable(text: string, length = 120): string {
  const cut = text.length > length ? `${text.slice(0, length)}...` : text;
  return cut.replace(/[^ -~]/gu, "?").trim();
}
