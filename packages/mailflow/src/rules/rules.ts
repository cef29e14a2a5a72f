// The rules of the configuration as one filter. They are asked in their order, each at the first stage at which all that it
// looks at is known; "accept" ends the asking of those further down, and of the filters behind the rules: for the client's
// whole visit, for the message, or for the recipient, whatever the rule was asked about. A rule that looks at recipients and at the header or the content is
// asked for each accepted recipient; what it does to the message it does once.

import type { Clock, FilterAnswer, FilterStage, MailFilter, MailRecipient, MailTransaction, MailVisit } from "@postern/contracts";
import type { AddressBook } from "../resolve.ts";
import type { Action, ActionServices } from "./actions.ts";
import { stageNumber, type Facts } from "./conditions.ts";
import { factsOf, withRecipient } from "./facts.ts";
import { compileRule, failedCondition, mayChange, type Rule } from "./rule.ts";
import type { RuleSettings } from "./settings.ts";

export type RuleEvent = {
  readonly rule: string;
  readonly stage: FilterStage;
  /** As the client gave it, where the rule was asked for a recipient. */
  readonly recipient: string | undefined;
} & (
  | { readonly outcome: "fits"; readonly did: readonly string[] }
  | { readonly outcome: "does not fit"; readonly because: string }
  | { readonly outcome: "not asked"; readonly because: string }
);

export interface RuleServices extends ActionServices {
  readonly clock: Pick<Clock, "now">;
  readonly addresses: Pick<AddressBook, "resolve">;
  /** Told of every rule that is asked, and why it did nothing: the dry run. */
  readonly trace?: (event: RuleEvent) => void;
}

/** What rules remember of a message. */
interface Memory {
  /** The rule that accepted it; those further down are not asked. */
  accepted: Rule | undefined;
  /** By the recipient's address: likewise. */
  readonly acceptedFor: Map<string, Rule>;
  /** What waits for a later stage, with the recipients that it is for; undefined: for all. */
  readonly due: Map<Action, Set<string> | undefined>;
}

export function createRules(settings: readonly RuleSettings[], services: RuleServices): MailFilter {
  const rules = settings.map((one, index) => compileRule(one, index, services));
  return new Rules(rules, services).filter();
}

class Rules {
  readonly #rules: readonly Rule[];
  readonly #services: RuleServices;
  readonly #visits = new WeakMap<MailVisit, Rule>();
  readonly #memories = new WeakMap<MailTransaction, Memory>();

  constructor(rules: readonly Rule[], services: RuleServices) {
    this.#rules = rules;
    this.#services = services;
  }

  /** With the stages that some rule needs, and no others. */
  filter(): MailFilter {
    const accepts = this.#rules.some(({ actions }) => actions.some(({ text }) => text === "accept"));
    const needs = (stage: FilterStage): boolean =>
      accepts || this.#rules.some((rule) => rule.stage === stage || rule.actions.some(({ due }) => due === stage));
    return {
      name: "rules",
      ...(needs("connect") && { connect: (visit) => this.#ask("connect", visit) }),
      ...(needs("hello") && { hello: (visit) => this.#ask("hello", visit) }),
      ...(needs("sender") && { sender: (transaction) => this.#ask("sender", transaction.visit, transaction) }),
      ...(needs("recipient") && {
        recipient: (transaction, recipient) => this.#ask("recipient", transaction.visit, transaction, [recipient]),
      }),
      ...(needs("header") && { header: (transaction) => this.#late("header", transaction) }),
      ...(needs("content") && {
        content: (transaction) => this.#late("content", transaction),
        holds: (transaction) => this.#holds(transaction),
      }),
    };
  }

  async #late(stage: FilterStage, transaction: MailTransaction): Promise<FilterAnswer> {
    const answer = await this.#doWhatIsDue(stage, transaction);
    return answer ?? this.#ask(stage, transaction.visit, transaction, transaction.recipients);
  }

  async #ask(
    stage: FilterStage,
    visit: MailVisit,
    transaction?: MailTransaction,
    recipients: readonly MailRecipient[] = [],
  ): Promise<FilterAnswer> {
    const facts = factsOf(stage, this.#services.clock.now(), visit, transaction);
    // Gathered when the first rule asks, since most stages have no rule for recipients.
    let each: readonly Facts[] | undefined;
    let accepted: FilterAnswer;
    for (const rule of this.#rules) {
      if (rule.stage !== stage) continue;
      if (rule.ofRecipient) each ??= recipients.map((recipient) => withRecipient(facts, recipient, this.#services.addresses));
      const fitting = (rule.ofRecipient ? (each ?? []) : [facts]).filter((one) => this.#fits(rule, one));
      const answer = fitting.length === 0 ? undefined : await this.#do(rule, fitting);
      if (answer?.action === "stop") return answer;
      // One recipient of a message that is here says nothing about the others.
      if (stage === "recipient" || !rule.ofRecipient) accepted ??= answer;
    }
    return accepted ?? this.#before(facts, stage === "recipient" ? recipients[0] : undefined);
  }

  /** What was accepted at an earlier stage is accepted at this one. */
  #before({ visit, transaction }: Facts, recipient: MailRecipient | undefined): FilterAnswer {
    const memory = transaction && this.#memories.get(transaction);
    const isAccepted =
      this.#visits.has(visit) || memory?.accepted !== undefined || memory?.acceptedFor.has(recipient?.address ?? "");
    return isAccepted === true ? { action: "accept" } : undefined;
  }

  #fits(rule: Rule, facts: Facts): boolean {
    const { trace } = this.#services;
    const seen = { rule: rule.name, stage: facts.stage, recipient: facts.recipient?.address };
    const by = this.#acceptedBy(rule, facts);
    const failed = by === undefined ? failedCondition(rule, facts) : undefined;
    if (by !== undefined) trace?.({ ...seen, outcome: "not asked", because: `rule "${by.name}" has accepted` });
    else if (failed !== undefined) trace?.({ ...seen, outcome: "does not fit", because: failed.text });
    else trace?.({ ...seen, outcome: "fits", did: [...new Set(rule.actions.map(({ text }) => text))] });
    return by === undefined && failed === undefined;
  }

  /** The rule further up that keeps this one from being asked. */
  #acceptedBy({ index }: Rule, { visit, transaction, recipient }: Facts): Rule | undefined {
    const memory = transaction && this.#memories.get(transaction);
    const all = [this.#visits.get(visit), memory?.accepted, memory?.acceptedFor.get(recipient?.address ?? "")];
    return all.find((rule) => rule !== undefined && rule.index < index);
  }

  /** What a rule does: for the first that fits, and for the others what is done for each. */
  async #do(rule: Rule, fitting: readonly Facts[]): Promise<FilterAnswer> {
    for (const action of rule.actions) {
      for (const facts of action.ofRecipient ? fitting : fitting.slice(0, 1)) {
        if (action.due !== undefined && stageNumber(facts.stage) < stageNumber(action.due)) {
          this.#remember(action, facts);
          continue;
        }
        const answer = await action.run(facts);
        if (answer?.action === "accept") for (const one of fitting) this.#accept(rule, one);
        if (answer !== undefined) return answer;
      }
    }
    return undefined;
  }

  #memoryOf(transaction: MailTransaction): Memory {
    let memory = this.#memories.get(transaction);
    if (memory === undefined) {
      memory = { accepted: undefined, acceptedFor: new Map(), due: new Map() };
      this.#memories.set(transaction, memory);
    }
    return memory;
  }

  #accept(rule: Rule, { visit, transaction, recipient }: Facts): void {
    if (transaction === undefined) this.#visits.set(visit, rule);
    else if (recipient === undefined) this.#memoryOf(transaction).accepted = rule;
    else this.#memoryOf(transaction).acceptedFor.set(recipient.address, rule);
  }

  #remember(action: Action, { transaction, recipient }: Facts): void {
    if (transaction === undefined) return;
    const { due } = this.#memoryOf(transaction);
    const of = due.get(action) ?? new Set<string>();
    if (recipient === undefined) due.set(action, undefined);
    else due.set(action, of.add(recipient.address));
  }

  /** What rules at earlier stages have left for this one, where a recipient that it is for was accepted. */
  async #doWhatIsDue(stage: FilterStage, transaction: MailTransaction): Promise<FilterAnswer> {
    const facts = factsOf(stage, this.#services.clock.now(), transaction.visit, transaction);
    for (const [action, of] of this.#memories.get(transaction)?.due ?? []) {
      if (action.due !== stage || (of !== undefined && !transaction.recipients.some(({ address }) => of.has(address)))) continue;
      const answer = await action.run(facts);
      if (answer !== undefined) return answer;
    }
    return undefined;
  }

  #holds(transaction: MailTransaction): boolean {
    const facts = factsOf("header", this.#services.clock.now(), transaction.visit, transaction);
    return this.#rules.some((rule) => {
      const each = rule.ofRecipient
        ? transaction.recipients.map((recipient) => withRecipient(facts, recipient, this.#services.addresses))
        : [facts];
      return rule.stage === "content" && each.some((one) => this.#acceptedBy(rule, one) === undefined && mayChange(rule, one));
    });
  }
}
