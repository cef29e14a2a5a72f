// Rewriting of recipients: the first pattern that fits makes another address of it, once; what comes out is not rewritten
// again, so there are no loops. A pattern has one * at most. Never throws.

import type { Mailbox } from "./mailbox.ts";

export interface Rewriting {
  /** An address, @domain for all of a domain, or either with one *. */
  readonly from: string;
  /** Likewise; what * stood for in `from` stands in its place. */
  readonly to: string;
}

/** The text before and behind a star; `star` false: the text itself. */
interface Side {
  readonly before: string;
  readonly star: boolean;
  readonly behind: string;
}

/** The address that is meant, which may be none at all when the texts do not fit together; undefined when no pattern fits. */
export type Rewriter = (mailbox: Mailbox) => string | undefined;

export function createRewriter(all: readonly Rewriting[]): Rewriter {
  const rules = all.map(({ from, to }) => ({ from: sidesOf(from), to: sidesOf(to) }));
  return (mailbox) => {
    for (const { from, to } of rules) {
      const local = caught(from.local, mailbox.local);
      const domain = caught(from.domain, mailbox.domain);
      if (local !== undefined && domain !== undefined) return `${filled(to.local, local)}@${filled(to.domain, domain)}`;
    }
    return undefined;
  };
}

/** "@example.com" is "*@example.com". */
export function sidesOf(pattern: string): { readonly local: Side; readonly domain: Side } {
  const at = pattern.lastIndexOf("@");
  return { local: sideOf(at === 0 ? "*" : pattern.slice(0, at)), domain: sideOf(pattern.slice(at + 1)) };
}

function sideOf(text: string): Side {
  const star = text.indexOf("*");
  return star === -1
    ? { before: text, star: false, behind: "" }
    : { before: text.slice(0, star), star: true, behind: text.slice(star + 1) };
}

/** What the star stands for ("" without one); undefined: it does not fit. Any case fits; what is caught keeps its own. */
function caught({ before, star, behind }: Side, text: string): string | undefined {
  if (!star) return same(text, before) ? "" : undefined;
  const end = text.length - behind.length;
  if (end < before.length || !same(text.slice(0, before.length), before) || !same(text.slice(end), behind)) return undefined;
  return text.slice(before.length, end);
}

const same = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

const filled = ({ before, star, behind }: Side, text: string): string => (star ? before + text + behind : before);
