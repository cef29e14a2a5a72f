// The conditions, each with the stage at which it is known and how it is asked. A condition never throws, and takes time
// linear in the text of strangers.

import {
  networkMatcher,
  parsePattern,
  patternMatches,
  piecesMatch,
  scoreOf,
  splitUser,
  type FilterStage,
  type MailRecipient,
  type MailTransaction,
  type MailVisit,
} from "@postern/contracts";
import { hasWords, wordsDecoded } from "@postern/message";
import { domainTable } from "../domain-table.ts";
import { asciiDomain, sameAddress } from "../mailbox.ts";
import type { RuleConditions, RuleSettings } from "./settings.ts";
import { timeTest } from "./time.ts";

/** What is known when rules are asked. */
export interface Facts {
  readonly stage: FilterStage;
  readonly visit: MailVisit;
  readonly transaction: MailTransaction | undefined;
  readonly recipient: MailRecipient | undefined;
  /** In one spelling (sameAddress); "" also before there is a sender. */
  readonly sender: string;
  /** The recipient as the client gave it, and after rewriting, in one spelling. */
  readonly recipientNames: readonly string[];
  /** The recipient after rewriting, without detail, its domain as mail.domains spells it; "" when it is not ours. */
  readonly recipientAddress: string;
  readonly now: number;
}

type Test = (facts: Facts) => boolean;

interface Row<V> {
  /** The earliest stage at which it is known for certain. */
  readonly stage: FilterStage;
  /** It is asked for each recipient. */
  readonly ofRecipient?: true;
  readonly test: (value: V) => Test;
}

type Rows = { readonly [K in keyof RuleConditions]-?: Row<NonNullable<RuleConditions[K]>> };

export const CONDITIONS: Rows = {
  client: { stage: "connect", test: (all) => within(networkMatcher(all)) },
  trusted: { stage: "connect", test: (value) => (facts) => facts.visit.trusted === value },
  time: { stage: "connect", test: (value) => at(timeTest(value)) },
  hello: { stage: "hello", test: (all) => known(anyText(all), ({ visit }) => visit.hello) },
  authenticated: { stage: "sender", test: (value) => (facts) => (facts.visit.session.identity !== undefined) === value },
  sender: { stage: "sender", test: (all) => known(anyAddress(all), ({ sender }) => sender) },
  senderDomain: { stage: "sender", test: (all) => known(anyDomain(all), ({ sender }) => sender) },
  recipient: { stage: "recipient", ofRecipient: true, test: (all) => ofNames(anyAddress(all)) },
  recipientDomain: { stage: "recipient", ofRecipient: true, test: (all) => ofNames(anyDomain(all)) },
  header: { stage: "header", test: headerTest },
  kind: { stage: "header", test: (all) => (facts) => all.some((kind) => kind === facts.transaction?.kind) },
  size: { stage: "content", test: sizeTest },
  score: { stage: "content", test: (least) => (facts) => facts.transaction !== undefined && scoreOf(facts.transaction) >= least },
  finding: { stage: "content", test: findingTest },
};

type Matches = (text: string) => boolean;

function anyText(patterns: readonly string[]): Matches {
  const all = patterns.map((pattern) => pattern.toLowerCase().split("*"));
  return (text) => {
    const small = text.toLowerCase();
    return all.some((pieces) => piecesMatch(pieces, small));
  };
}

/** "*" is everybody, the null sender too; "" is the null sender alone. */
function anyAddress(patterns: readonly string[]): Matches {
  const all = patterns.map((pattern): Matches => {
    if (pattern === "" || pattern === "*") return (address) => pattern === "*" || address === "";
    const { local, domain = "" } = splitUser(sameAddress(pattern));
    const parsed = parsePattern(`${local}@${asciiDomain(domain) ?? domain}`);
    return (address) => patternMatches(parsed, address);
  });
  return (address) => all.some((matches) => matches(address));
}

function anyDomain(domains: readonly string[]): Matches {
  const table = domainTable(domains.map((domain) => [domain, true] as const));
  return (address) => table.get(asciiDomain(address.slice(address.lastIndexOf("@") + 1)) ?? "") ?? false;
}

const within =
  (matches: Matches): Test =>
  ({ visit }) =>
    matches(visit.session.client.host);

const at =
  (matches: (now: number) => boolean): Test =>
  ({ now }) =>
    matches(now);

const known =
  (matches: Matches, text: (facts: Facts) => string | undefined): Test =>
  (facts) => {
    const value = text(facts);
    return value !== undefined && matches(value);
  };

const ofNames =
  (matches: Matches): Test =>
  ({ recipientNames }) =>
    recipientNames.some(matches);

function headerTest(fields: NonNullable<RuleConditions["header"]>): Test {
  const all = Object.entries(fields).map(([name, patterns]) => [name, eitherReading(anyText(patterns))] as const);
  return ({ transaction }) => all.every(([name, matches]) => transaction?.header?.all(name).some(matches) ?? false);
}

/** As it is written, or with its encoded-words decoded (RFC 2047): whoever writes it chooses. */
const eitherReading =
  (matches: Matches): Matches =>
  (text) =>
    matches(text) || (hasWords(text) && matches(wordsDecoded(text)));

function sizeTest({ over = -1, under = Infinity }: NonNullable<RuleConditions["size"]>): Test {
  return ({ transaction }) => transaction !== undefined && transaction.size > over && transaction.size < under;
}

function findingTest(symbols: readonly string[]): Test {
  const matches = anyText(symbols);
  return ({ visit, transaction }) => [...visit.findings, ...(transaction?.findings ?? [])].some(({ symbol }) => matches(symbol));
}

/** One condition of a rule. */
export interface Condition {
  /** As a person would name it: "sender: *@example.com", "not client: 10.0.0.0/8". */
  readonly text: string;
  readonly stage: FilterStage;
  readonly ofRecipient: boolean;
  readonly holds: Test;
}

/** The names of the conditions that a rule gives. */
export function givenConditions(conditions: RuleConditions): readonly (keyof RuleConditions)[] {
  return (Object.keys(CONDITIONS) as (keyof RuleConditions)[]).filter((key) => isGiven(conditions[key]));
}

function isGiven(value: RuleConditions[keyof RuleConditions]): boolean {
  if (typeof value !== "object") return value !== undefined;
  return Object.values(value).some((one) => one !== undefined);
}

/** In the order in which they become known. */
export function compileConditions({ not, ...when }: RuleSettings["when"]): readonly Condition[] {
  const of = (conditions: RuleConditions, isNot: boolean): Condition[] =>
    givenConditions(conditions).map((key) => {
      const { stage, ofRecipient = false, test } = CONDITIONS[key] as Row<unknown>;
      const holds = test(conditions[key]);
      const text = `${isNot ? "not " : ""}${key}: ${shown(conditions[key])}`;
      return { text, stage, ofRecipient, holds: isNot ? (facts) => !holds(facts) : holds };
    });
  return [...of(when, false), ...of(not, true)].sort((a, b) => stageNumber(a.stage) - stageNumber(b.stage));
}

const STAGE_NUMBERS: Readonly<Record<FilterStage, number>> = {
  connect: 0,
  hello: 1,
  sender: 2,
  recipient: 3,
  header: 4,
  content: 5,
};
export const stageNumber = (stage: FilterStage): number => STAGE_NUMBERS[stage];

/** A setting's value as a person would write it. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return value.map(shown).join(" or ");
  if (typeof value !== "object" || value === null) return value === "" ? '""' : String(value);
  if ("prefix" in value && "address" in value) return `${String(value.address)}/${String(value.prefix)}`;
  return Object.entries(value)
    .flatMap(([key, one]) => (one === undefined || (Array.isArray(one) && one.length === 0) ? [] : [`${key} ${shown(one)}`]))
    .join(", ");
}
