// A client with a message for rules to look at, and a filter that is asked stage by stage as the front asks it.

import {
  found,
  type FilterAnswer,
  type MailFilter,
  type MailRecipient,
  type MailTransaction,
  type MailVisit,
  type MessageKind,
} from "@postern/contracts";
import { parseHeader } from "@postern/message";
import { createMemoryLogger, testSession, type MemoryLogger } from "@postern/testing";
import type { MailSettings } from "../mail-settings.ts";
import { createAddressBook } from "../resolve.ts";
import { createRules, type RuleEvent } from "../rules/rules.ts";
import type { RuleSettings } from "../rules/settings.ts";
import { ruleOf, type LooseRule } from "./rule-of.ts";

export const MAIL: MailSettings = {
  domains: ["example.com", "*.example.com"],
  trusted: [],
  rewrite: [{ from: "old@example.com", to: "new@example.com" }],
  catchAll: {},
  plusAddressing: "+",
  strippedHeaders: [],
  postmaster: undefined,
};

/** What the message is, where a test cares. */
export interface Told {
  readonly client?: string;
  readonly hello?: string | undefined;
  readonly trusted?: boolean;
  readonly sender?: string;
  readonly recipients?: readonly string[];
  /** Those that a backend refuses. */
  readonly refused?: readonly string[];
  readonly header?: string;
  readonly kind?: MessageKind;
  readonly announced?: number;
  readonly size?: number;
  readonly score?: number;
  readonly symbol?: string;
}

export interface Outcome {
  readonly answer: FilterAnswer;
  /** "recipient bob@example.com" */
  readonly at: string;
  readonly transaction: MailTransaction;
  readonly held: boolean;
}

export class Scene {
  readonly events: RuleEvent[] = [];
  readonly hits: string[] = [];
  readonly logger: MemoryLogger = createMemoryLogger();
  now = Date.UTC(2026, 0, 1, 12);
  /** The shared state can be reached. */
  isCounting = true;
  readonly filter: MailFilter;
  readonly #counts = new Map<string, number>();

  constructor(rules: readonly LooseRule[], all: readonly RuleSettings[] = rules.map(ruleOf)) {
    const hit = async (key: string): Promise<number> => {
      if (!this.isCounting) return 0;
      this.hits.push(key);
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
      return this.#counts.get(key) ?? 0;
    };
    this.filter = createRules(all, {
      clock: { now: () => this.now },
      logger: this.logger,
      state: { hit },
      addresses: createAddressBook(MAIL),
      clientKey: (host) => host,
      trace: (event) => this.events.push(event),
    });
  }

  visit({ client = "192.0.2.7", hello = "client.example.net", trusted = false }: Told = {}): MailVisit {
    return {
      session: testSession({ client: { host: client, port: 1 } }),
      hello,
      extended: true,
      spokeEarly: false,
      trusted,
      refusedRecipients: 0,
      hostName: undefined,
      findings: [],
    };
  }

  /** A message that has just begun. */
  transaction(visit: MailVisit, told: Told = {}): MailTransaction & { size: number; readonly recipients: MailRecipient[] } {
    return {
      id: "t1",
      visit,
      sender: { address: told.sender ?? "amy@example.net", parameters: new Map() },
      recipients: [],
      size: told.announced ?? 0,
      header: undefined,
      came: undefined,
      kind: undefined,
      findings: [],
      authentication: [],
      edits: [],
      redirect: undefined,
      added: [],
    };
  }

  /** The whole way of one message. */
  async send(told: Told = {}, visit = this.visit(told)): Promise<Outcome> {
    const { filter } = this;
    const transaction = this.transaction(visit, told);
    const { recipients } = transaction;
    const ended = (answer: FilterAnswer, at: string, held = false): Outcome => ({ answer, at, transaction, held });
    const connected = await filter.connect?.(visit);
    if (connected?.action === "stop") return ended(connected, "connect");
    const greeted = await filter.hello?.(visit);
    if (greeted?.action === "stop") return ended(greeted, "hello");
    const sent = await filter.sender?.(transaction);
    if (sent?.action === "stop") return ended(sent, "sender");
    for (const address of told.recipients ?? ["bob@example.com"]) {
      const recipient = { address, parameters: new Map(), deliverTo: address, routeAs: address };
      const answer = await filter.recipient?.(transaction, recipient);
      if (answer?.action === "stop") return ended(answer, `recipient ${address}`);
      if (told.refused?.includes(address) !== true) recipients.push(recipient);
    }
    const header = parseHeader(Buffer.from((told.header ?? "Subject: hello").replaceAll(/^(.*)$/gm, "$1\r")));
    Object.assign(transaction, { header, kind: told.kind ?? "ordinary", size: header.bytes.length });
    const looked = await filter.header?.(transaction, header);
    if (looked?.action === "stop") return ended(looked, "header");
    const held = filter.holds?.(transaction) ?? false;
    transaction.size = told.size ?? 1000;
    if (told.score !== undefined || told.symbol !== undefined)
      transaction.findings.push(found(told.symbol ?? "SCANNER", told.score ?? 0, "told by the test"));
    return ended(await filter.content?.(transaction), "content", held);
  }
}

/** "550 5.7.1 No": the reply that a client gets; "" for none. */
export const replyOf = ({ answer }: Outcome): string =>
  answer?.action === "stop" ? `${answer.reply.code} ${answer.reply.status} ${answer.reply.lines.join(" ")}` : "";
