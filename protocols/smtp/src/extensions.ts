// Extensions of backends that a client may be told of before login, and what all backends have in common. Lines as in the
// reply to EHLO: a keyword and its parameters. RFC 5321 section 4.1.1.1; SIZE is RFC 1870.

import type { Extensions } from "./responses.ts";

/** Those that mean the same whoever is logged in; what the front answers itself (AUTH, STARTTLS …) is not among them. */
const PASSED = ["PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "DSN", "CHUNKING", "BINARYMIME", "DELIVERBY", "FUTURERELEASE"];

/** What of a backend's list may be told, in our order, without odd bytes. */
export function passable(offered: Extensions): string[] {
  return PASSED.flatMap((keyword) => {
    const parameters = offered.get(keyword);
    if (parameters === undefined) return [];
    const line = [keyword, ...parameters.filter((word) => word !== "")].join(" ");
    return /^[\u0020-\u007e]{1,100}$/.test(line) ? [line] : [];
  });
}

type Lists = readonly (readonly string[])[];

/** By the first of the lists: they stay the same until a backend lists something else, and each EHLO asks. */
const known = new WeakMap<readonly string[], { readonly lists: Lists; readonly common: readonly string[] }>();

/** What stands in all lists: SIZE with the smallest limit, other parameters only where all agree. */
export function inCommon(lists: Lists): readonly string[] {
  const [first] = lists;
  if (first === undefined) return [];
  const before = known.get(first);
  if (before !== undefined && isSame(before.lists, lists)) return before.common;
  const common = commonOf(lists);
  known.set(first, { lists, common });
  return common;
}

/** The very same lists. */
export const isSame = (some: Lists | undefined, others: Lists | undefined): boolean =>
  some?.length === others?.length && (some ?? []).every((list, at) => list === others?.[at]);

function commonOf(lists: Lists): string[] {
  const [first = [], ...others] = lists;
  return first.flatMap((line) => {
    const [keyword = ""] = line.split(" ");
    const lines = [line, ...others.flatMap((list) => list.filter((one) => one.split(" ")[0] === keyword))];
    if (lines.length < lists.length) return [];
    if (keyword === "SIZE") return [smallest(lines)];
    return lines.every((one) => one === line) ? [line] : [];
  });
}

/** Without a number, or with 0, a SIZE has no limit. */
function smallest(lines: readonly string[]): string {
  const limits = lines.map((line) => Number(line.split(" ")[1] ?? 0)).filter((limit) => limit > 0);
  return limits.length === 0 ? "SIZE" : `SIZE ${Math.min(...limits)}`;
}
