// What the table of `rules` alone cannot see: rules that can never fit, actions that can never be done. Items that are broken
// are undefined, and were told already. Never throws.

import { MESSAGE_KINDS, sizeText, type Contradiction } from "@postern/contracts";
import { acceptance, repeated } from "../mail-contradictions.ts";
import { isDomainOrParent, type MailSettings } from "../mail-settings.ts";
import { parseMailbox } from "../mailbox.ts";
import { givenActions } from "./actions.ts";
import { CONDITIONS, givenConditions } from "./conditions.ts";
import type { RuleActions, RuleConditions, RuleSettings } from "./settings.ts";

/** The sections that rules lean on; undefined where one is broken. */
export interface RuleSurroundings {
  readonly mail?: Pick<MailSettings, "domains"> | undefined;
}

/** Empty when all is well. */
export function ruleContradictions(
  rules: readonly (RuleSettings | undefined)[],
  { mail }: RuleSurroundings = {},
): readonly Contradiction[] {
  const isOurs = mail === undefined ? () => true : acceptance(mail.domains);
  return [
    ...repeated(rules.map((rule) => rule?.name)).map((index) => ({
      key: `[${index}].name`,
      problem: `another rule is named "${rules[index]?.name}"; give each its own name`,
    })),
    ...rules.flatMap((rule, index) =>
      rule === undefined ? [] : prefixed(`[${index}]`, [...neverHolds(rule.when), ...cannotBeDone(rule, isOurs)]),
    ),
  ];
}

const prefixed = (place: string, found: readonly Contradiction[]): Contradiction[] =>
  found.map(({ key, problem }) => ({ key: `${place}.${key}`, problem }));

function neverHolds({ not, ...when }: RuleSettings["when"]): Contradiction[] {
  const both = givenConditions(when).filter((key) => isCovered(when[key], not[key]));
  return [
    ...prefixed("when", ofOneSet(when)),
    ...prefixed("when.not", ofOneSet(not)),
    ...both.map((key) => ({
      key: `when.not.${key}`,
      problem: `rules out all that when.${key} names, so that the rule never fits`,
    })),
    ...(MESSAGE_KINDS.every((kind) => not.kind.includes(kind))
      ? [{ key: "when.not.kind", problem: "rules out every kind there is, so that the rule never fits" }]
      : []),
  ];
}

function ofOneSet({ size, time, header }: RuleConditions): Contradiction[] {
  const found: Contradiction[] = [];
  const { over, under } = size ?? {};
  if (size !== undefined && over === undefined && under === undefined)
    found.push({ key: "size", problem: "says neither over nor under; add one of them" });
  if (over !== undefined && under !== undefined && over + 1 >= under)
    found.push({ key: "size", problem: `nothing is over ${sizeText(over)} and under ${sizeText(under)}; choose a larger under` });
  if (time !== undefined && time.from === time.to)
    found.push({ key: "time", problem: "from and to are the same, which is no time at all; leave both out for the whole day" });
  for (const [name, values] of Object.entries(header)) {
    if (!/^[!-9;-~]{1,76}$/.test(name)) found.push({ key: `header.${name}`, problem: "is no name of a header field" });
    if (values.length === 0) found.push({ key: `header.${name}`, problem: "has no value; write * for any" });
  }
  return found;
}

/** Is every item that must hold among those that may not? */
function isCovered(value: RuleConditions[keyof RuleConditions], not: RuleConditions[keyof RuleConditions]): boolean {
  if (Array.isArray(value) && Array.isArray(not)) {
    const excluded = new Set(not.map((one) => JSON.stringify(one)));
    return value.every((one) => excluded.has(JSON.stringify(one)));
  }
  return typeof value === "boolean" ? value === not : typeof value === "number" && typeof not === "number" && not <= value;
}

function cannotBeDone({ when, then }: RuleSettings, isOurs: (domain: string) => boolean): Contradiction[] {
  const all: readonly (RuleActions | undefined)[] = then;
  const given = all.map((actions) => (actions === undefined ? [] : wordsOf(actions)));
  const last = all.findIndex(
    (actions) => actions?.do === "accept" || actions?.refuse !== undefined || actions?.defer !== undefined,
  );
  const found: Contradiction[] =
    all.length === 0 ? [{ key: "then", problem: "the rule does nothing; add an action such as report" }] : [];
  for (const [index, actions] of all.entries()) {
    const key = `then[${index}]`;
    const names = given[index] ?? [];
    if (actions === undefined) continue;
    if (names.length === 0) found.push({ key, problem: "names no action; add one such as report" });
    if (names.length > 1)
      found.push({
        key,
        problem: `holds ${names.join(" and ")}; make a list with one action each, so that their order is plain`,
      });
    if (last !== -1 && index > last)
      found.push({ key, problem: `is never done, because the rule ends with ${given[last]?.[0]}; move it up, or take it out` });
    found.push(...prefixed(key, [...lostRedirect(actions, when), ...strangers(actions, isOurs)]));
  }
  return found;
}

/** The actions as they are written: a bare word is the value of `do`. */
const wordsOf = (actions: RuleActions): readonly string[] =>
  givenActions(actions).map((name) => (name === "do" ? (actions.do ?? name) : name));

/** A message has one backend then, whoever its other recipients are. */
function lostRedirect({ redirect }: RuleActions, { not, ...when }: RuleSettings["when"]): Contradiction[] {
  const looked = [...givenConditions(when), ...givenConditions(not)].find((key) => CONDITIONS[key].ofRecipient === true);
  if (redirect === undefined || looked === undefined) return [];
  const problem = `takes the whole message to ${redirect}, but the rule is about single recipients (${looked}); use routeAs, or name the backend in routes`;
  return [{ key: "redirect", problem }];
}

function strangers({ addRecipient, routeAs }: RuleActions, isOurs: (domain: string) => boolean): Contradiction[] {
  const all: readonly (string | undefined)[] = addRecipient;
  const found = all.flatMap((address, index): Contradiction[] => {
    const domain = parseMailbox(address ?? "")?.domain;
    if (domain === undefined || isOurs(domain)) return [];
    return [
      { key: `addRecipient[${index}]`, problem: `${domain} is none of mail.domains, so nothing may go there; add it there` },
    ];
  });
  const domain = routeAs?.slice(routeAs.lastIndexOf("@") + 1).replaceAll(/\{(user|domain)\}/g, "x");
  if (domain !== undefined && !isDomainOrParent(domain))
    found.push({ key: "routeAs", problem: `"${domain}" is no domain; write {user}@voice.{domain}, or the like` });
  return found;
}
