// Rules that the parts bring: what the table of a section cannot see by itself.

import { sectionPath } from "./place.ts";
import type { Rule, RuleContext } from "./rules.ts";

function contradictions({ values, parts, refuse, given }: RuleContext): void {
  for (const [section, check] of Object.entries(parts.checks)) {
    const value = values[section];
    if (value === undefined) continue;
    // The walk has made the value by the section's table, and the part that brought the check brought the table.
    for (const { key, problem } of check(value as never, values as never)) refuse(sectionPath(section, key, given), problem);
  }
}

export const partRules: readonly Rule[] = [contradictions];
