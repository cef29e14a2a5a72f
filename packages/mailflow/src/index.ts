// Accepted domains, rewriting, rules.

export const RULE_NAMES: readonly string[] = [];
