// What the rules would do with a message, and where it would go, without a client and without a backend: the rules' own
// filter is asked stage by stage, as the front asks it. Nothing is sent, and counts begin at nothing. Edge defences are not
// asked: what they would find is told by the caller. Never throws for what message and addresses say.

import {
  found,
  networkMatcher,
  type FilterAnswer,
  type FilterStage,
  type HeaderEdit,
  type Logger,
  type MailReply,
  type MessageKind,
} from "@postern/contracts";
import { applyEdits, kindOf, parseHeader, stripForged } from "@postern/message";
import { strippedHeaders, type MailSettings } from "../mail-settings.ts";
import type { RouterParts } from "../recipients.ts";
import { createAddressBook } from "../resolve.ts";
import { createRules, type RuleEvent } from "../rules/rules.ts";
import type { RuleSettings } from "../rules/settings.ts";
import { transactionOf, visitOf, type DryMessage } from "./scene.ts";
import { Way, type DryRecipient } from "./way.ts";

export interface DryRunParts extends RouterParts {
  readonly mail: MailSettings;
  readonly rules: readonly RuleSettings[];
  readonly clientKey: (host: string) => string;
}

export interface DryRun {
  readonly trusted: boolean;
  /** After stripping. */
  readonly kind: MessageKind;
  /** The names of fields that a stranger may not send. */
  readonly stripped: readonly string[];
  /** In the order in which it happened. */
  readonly rules: readonly RuleEvent[];
  /** Rules that nothing was left for. */
  readonly notReached: readonly string[];
  readonly edits: readonly HeaderEdit[];
  readonly redirect: string | undefined;
  readonly recipients: readonly DryRecipient[];
  /** undefined: the backends get it. */
  readonly refusal: { readonly stage: FilterStage; readonly reply: MailReply } | undefined;
}

export async function dryRun(message: DryMessage, parts: DryRunParts): Promise<DryRun> {
  const { mail, rules, clientKey } = parts;
  const events: RuleEvent[] = [];
  const filter = createRules(rules, {
    clock: { now: () => message.now },
    logger: silent,
    state: { hit: async () => 1 },
    addresses: createAddressBook(mail),
    clientKey,
    trace: (event) => events.push(event),
  });
  const trusted = networkMatcher(mail.trusted)(message.client);
  const forged = trusted ? [] : stripForged(message.header, strippedHeaders(mail));
  const header = parseHeader(applyEdits(message.header, forged));
  const visit = visitOf(message, trusted);
  const transaction = transactionOf(message, visit);
  const way = new Way(transaction, parts);

  /** The stages in their order; ends with the first no. */
  const pass = async (): Promise<DryRun["refusal"]> => {
    const said = (stage: FilterStage, answer: FilterAnswer) =>
      answer?.action === "stop" ? { stage, reply: answer.reply } : undefined;
    const before =
      said("connect", await filter.connect?.(visit)) ??
      said("hello", await filter.hello?.(visit)) ??
      said("sender", await filter.sender?.(transaction));
    if (before !== undefined) return before;
    for (const address of message.recipients) {
      const recipient = { address, parameters: new Map(), deliverTo: address, routeAs: address };
      await way.tell(recipient, await filter.recipient?.(transaction, recipient));
    }
    if (transaction.recipients.length === 0) return { stage: "recipient", reply: NOBODY };
    transaction.came = message.header;
    transaction.header = header;
    transaction.kind = kindOf(header, transaction.recipients);
    const looked = said("header", await filter.header?.(transaction, header));
    if (looked !== undefined) return looked;
    transaction.findings.push(...findingsOf(message));
    return said("content", await filter.content?.(transaction));
  };

  const before = await pass();
  const refusal = before ?? ((await way.end()) ? undefined : NOT_FOUND);
  const asked = new Set(events.map(({ rule }) => rule));
  return {
    trusted,
    kind:
      transaction.kind ??
      kindOf(
        header,
        message.recipients.map((address) => ({ address })),
      ),
    stripped: [...new Set(forged.map(({ name }) => name))],
    rules: events,
    notReached: rules.map(({ name }) => name).filter((name) => !asked.has(name)),
    edits: transaction.edits,
    redirect: transaction.redirect,
    recipients: way.recipients,
    refusal,
  };
}

const NOBODY: MailReply = { code: 554, status: "5.5.1", lines: ["No recipient is left"] };

/** As the inbound role says it. */
const NOT_FOUND: DryRun["refusal"] = {
  stage: "content",
  reply: { code: 451, status: "4.3.5", lines: ["A recipient that a rule adds or moves cannot be found"] },
};

const silent: Logger = { error() {}, warn() {}, info() {}, debug() {}, isDebug: () => false };

function findingsOf({ score, findings }: DryMessage): readonly ReturnType<typeof found>[] {
  const named = findings.map((symbol) => found(symbol, 0, "as told"));
  return score === 0 ? named : [...named, found("AS_TOLD", score, "as told")];
}
