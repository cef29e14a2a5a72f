// Contradictions over the whole value: what no single setting can see. Each has its place and its cure. A rule skips what
// the walk found broken, so that one mistake is told once. The rules read files that the configuration names; they change
// nothing and never throw.

import type { Parts } from "./config.ts";
import type { Draft } from "./draft.ts";
import type { Files } from "./files.ts";
import { placeOf } from "./walk.ts";
import type { Values, Walked } from "./walk.ts";
import type { Problem } from "./place.ts";
import { backendRules } from "./rules-backends.ts";
import { listenerRules } from "./rules-listeners.ts";
import { mailRules } from "./rules-mail.ts";
import { partRules } from "./rules-parts.ts";
import { routeRules } from "./rules-routes.ts";
import { tlsRules } from "./rules-tls.ts";

export interface RuleContext {
  readonly draft: Draft;
  /** The sections as the walk made them; undefined for one that is broken. */
  readonly values: Values;
  readonly parts: Parts;
  readonly files: Files;
  /** An error: the configuration cannot be used. */
  readonly refuse: (path: string, sentence: string) => void;
  /** It can be used, but somebody should look at it. */
  readonly warn: (path: string, sentence: string) => void;
  /** Does the file or a flag say it? */
  readonly given: (path: string) => boolean;
}

export type Rule = (context: RuleContext) => void;

const RULES: readonly Rule[] = [...tlsRules, ...listenerRules, ...backendRules, ...routeRules, ...mailRules, ...partRules];

export interface Judgement {
  readonly problems: readonly Problem[];
  readonly warnings: readonly Problem[];
}

export function judge(draft: Draft, { values, places }: Walked, parts: Parts, files: Files): Judgement {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const context: RuleContext = {
    draft,
    values,
    parts,
    files,
    refuse: (path, sentence) => problems.push({ place: placeOf(places, path), path, sentence }),
    warn: (path, sentence) => warnings.push({ place: placeOf(places, path), path, sentence }),
    given: (path) => places.has(path),
  };
  for (const rule of RULES) rule(context);
  return { problems, warnings };
}
