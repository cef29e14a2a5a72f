// One client's visit, as one milter sees it: a connection that is kept for all transactions of the visit. Each step first tells
// what the milter does not know yet, so that a stage that was left out (an earlier filter had decided), or a connection that had
// to be made anew, changes nothing. What the milter said of the visit, or of the message, stands for the steps that follow.
// Never throws: a milter that is down is what its settings say.

import type { FilterAnswer, MailHeader, MailRecipient, MailTransaction, MailVisit } from "@postern/contracts";
import { reasonOf } from "../scanner.ts";
import { applyChanges, readChanges } from "./changes.ts";
import { decide } from "./decision.ts";
import { fieldPackets } from "./fields.ts";
import { MilterLink } from "./link.ts";
import { macroPacket, type MacroFacts } from "./macros.ts";
import type { Milter } from "./milter.ts";
import { packet } from "./packets.ts";
import type { Command } from "./protocol.ts";
import { connectPacket, envelopePacket, helloPacket } from "./steps.ts";
import { verdictOf, type MilterVerdict } from "./verdict.ts";

/** It has decided; undefined: it goes on. */
type Over = { readonly answer: FilterAnswer } | undefined;

/** What it knows of the present message. */
interface Told {
  readonly mail: MailTransaction;
  readonly recipients: Set<string>;
  sender: boolean;
  header: boolean;
  /** It wants no more of the body. */
  skips: boolean;
  /** It has seen the end, and has forgotten the message. */
  ended: boolean;
  over: Over;
}

export class MilterConversation {
  readonly #milter: Milter;
  readonly #visit: MailVisit;
  #link: MilterLink | undefined;
  #givePlace: () => void = () => {};
  #hello: string | undefined;
  #visitOver: Over;
  #told: Told | undefined;
  #down = false;
  #busy = false;
  #left = false;

  constructor(milter: Milter, visit: MailVisit) {
    this.#milter = milter;
    this.#visit = visit;
  }

  /** The connection, and the client's name once it is known. A milter that is down is asked again when mail comes. */
  async meet(): Promise<FilterAnswer> {
    if (this.#down) return undefined;
    this.#busy = true;
    try {
      return (await this.#meet())?.answer;
    } catch (error) {
      this.#down = true;
      this.#drop();
      if (!this.#left) this.#milter.unscanned.failedAt(this.#visit, reasonOf(error));
      return undefined;
    } finally {
      this.#busy = false;
    }
  }

  sender(mail: MailTransaction): Promise<FilterAnswer> {
    return this.#step(mail, (told) => this.#tellSender(told));
  }

  recipient(mail: MailTransaction, recipient: MailRecipient): Promise<FilterAnswer> {
    return this.#step(mail, async (told) => (await this.#tellSender(told)) ?? this.#tellRecipient(told, recipient));
  }

  header(mail: MailTransaction, header: MailHeader): Promise<FilterAnswer> {
    return this.#step(mail, (told) => this.#tellHeader(told, header));
  }

  /** Bytes of the body, at most as many as fit a packet. */
  body(mail: MailTransaction, bytes: Buffer): Promise<FilterAnswer> {
    return this.#step(mail, async (told) => (await this.#tellHeader(told, mail.came)) ?? this.#tellBody(told, bytes));
  }

  /** The end of the message: what it changes, and what it says. */
  end(mail: MailTransaction): Promise<FilterAnswer> {
    return this.#step(mail, async (told) => (await this.#tellHeader(told, mail.came)) ?? this.#tellEnd(told));
  }

  /** Does it want to see the content, and may it change the message? */
  interest(mail: MailTransaction): { readonly sees: boolean; readonly holds: boolean } {
    const over = this.#visitOver ?? (this.#told?.mail === mail ? this.#told.over : undefined);
    if (over !== undefined) return { sees: over.answer !== undefined, holds: false };
    return { sees: true, holds: this.#link?.mayChange ?? true };
  }

  finished(mail: MailTransaction): void {
    const told = this.#told;
    if (told?.mail !== mail) return;
    this.#told = undefined;
    if (told.sender && !told.ended) this.#forget();
  }

  left(): void {
    this.#left = true;
    if (!this.#busy) this.#link?.quit();
    this.#drop();
  }

  /** Steps of a message, one after the other; what fails is what the settings say, until the message is over. */
  async #step(mail: MailTransaction, steps: (told: Told) => Promise<Over>): Promise<FilterAnswer> {
    const told = this.#begin(mail);
    if (told.over !== undefined) return told.over.answer;
    this.#busy = true;
    try {
      return (await steps(told))?.answer;
    } catch (error) {
      this.#drop();
      // Nobody wants to know any more.
      if (this.#left || this.#told !== told) return undefined;
      told.over = { answer: this.#milter.unscanned.failed(mail, reasonOf(error)) };
      return told.over.answer;
    } finally {
      this.#busy = false;
    }
  }

  #begin(mail: MailTransaction): Told {
    if (this.#told?.mail === mail) return this.#told;
    if (this.#told !== undefined) this.finished(this.#told.mail);
    const told = { mail, recipients: new Set<string>(), sender: false, header: false, skips: false, ended: false };
    return (this.#told = { ...told, over: this.#visitOver });
  }

  async #meet(): Promise<Over> {
    if (this.#visitOver !== undefined) return this.#visitOver;
    if (this.#link?.stale === true) this.#drop();
    const over = this.#link === undefined ? await this.#connect() : undefined;
    const { hello } = this.#visit;
    if (over !== undefined || hello === undefined || hello === this.#hello) return over;
    this.#hello = hello;
    return this.#visitEnds(await this.#ask("hello", {}, helloPacket(hello)));
  }

  async #connect(): Promise<Over> {
    const { address, times, places, clock } = this.#milter;
    const give = await places.take(times.connect);
    this.#givePlace = give;
    const link = await MilterLink.open(address, times, clock);
    this.#link = link;
    if (this.#left) throw new Error("the client is gone");
    return this.#visitEnds(await this.#ask("connect", {}, connectPacket(this.#visit)));
  }

  async #tellSender(told: Told): Promise<Over> {
    if (told.sender) return undefined;
    const over = await this.#meet();
    if (over !== undefined) return over;
    told.sender = true;
    const { mail } = told;
    return this.#messageEnds(told, await this.#ask("sender", { mail }, envelopePacket("sender", mail.sender)));
  }

  /** A no is one to this recipient alone. */
  async #tellRecipient(told: Told, recipient: MailRecipient): Promise<Over> {
    const { mail, recipients } = told;
    recipients.add(recipient.address);
    const verdict = await this.#ask("recipient", { mail, recipient }, envelopePacket("recipient", recipient));
    return verdict.does === "stop" ? this.#decide(verdict, mail) : this.#messageEnds(told, verdict);
  }

  async #tellHeader(told: Told, header: MailHeader | undefined): Promise<Over> {
    if (told.header) return undefined;
    const { mail } = told;
    const over = (await this.#tellSender(told)) ?? (await this.#tellOtherRecipients(told));
    if (over !== undefined) return over;
    told.header = true;
    const data = this.#messageEnds(told, await this.#ask("data", { mail }, packet("data")));
    if (data !== undefined) return data;
    for (const field of fieldPackets(header?.bytes ?? Buffer.alloc(0), this.#link?.keepsBlanks === true)) {
      const ended = this.#messageEnds(told, await this.#ask("field", { mail }, field));
      if (ended !== undefined) return ended;
    }
    return this.#messageEnds(told, await this.#ask("endOfHeader", { mail }, packet("endOfHeader")));
  }

  /** They are accepted already: a no to one of them is one to the message. */
  async #tellOtherRecipients(told: Told): Promise<Over> {
    for (const recipient of told.mail.recipients) {
      if (told.recipients.has(recipient.address)) continue;
      const over = await this.#tellRecipient(told, recipient);
      if (over !== undefined) return (told.over = over);
    }
    return undefined;
  }

  async #tellBody(told: Told, bytes: Buffer): Promise<Over> {
    if (told.skips) return undefined;
    const verdict = await this.#ask("body", { mail: told.mail }, packet("body", bytes));
    told.skips = verdict.does === "skip";
    return this.#messageEnds(told, verdict);
  }

  async #tellEnd(told: Told): Promise<Over> {
    const link = this.#connected();
    const { mail } = told;
    await link.tell([...this.#macros("endOfBody", { mail }), packet("endOfBody")]);
    const { reply, ...changes } = await readChanges(link);
    const verdict = verdictOf(reply);
    told.ended = true;
    if (this.#told === told && (verdict.does === "continue" || verdict.does === "accept")) applyChanges(changes, mail);
    return this.#messageEnds(told, verdict);
  }

  #connected(): MilterLink {
    if (this.#link === undefined) throw new Error("closed the connection");
    return this.#link;
  }

  #macros(command: Command, facts: Pick<MacroFacts, "mail" | "recipient">): Buffer[] {
    const names = this.#connected().macrosOf(command);
    const macros = macroPacket(command, names, { hostname: this.#milter.hostname, visit: this.#visit, ...facts });
    return macros === undefined ? [] : [macros];
  }

  async #ask(command: Command, facts: Pick<MacroFacts, "mail" | "recipient">, step: Buffer): Promise<MilterVerdict> {
    const link = this.#connected();
    if (!link.wants(command)) return { does: "continue" };
    return verdictOf(await link.ask(command, [...this.#macros(command, facts), step]));
  }

  #visitEnds(verdict: MilterVerdict): Over {
    if (verdict.does === "continue" || verdict.does === "skip") return undefined;
    this.#visitOver = this.#decide(verdict, undefined);
    this.#link?.quit();
    this.#drop();
    return this.#visitOver;
  }

  #messageEnds(told: Told, verdict: MilterVerdict): Over {
    if (verdict.does === "continue" || verdict.does === "skip") return undefined;
    return (told.over = this.#decide(verdict, told.mail));
  }

  #decide(verdict: MilterVerdict, mail: MailTransaction | undefined): Over {
    return { answer: decide(verdict, this.#milter, this.#visit, mail) };
  }

  /** Its answer to a step that is under way would be taken for one to the next: then the connection is of no use. */
  #forget(): void {
    if (this.#busy) return this.#drop();
    this.#link?.abort();
  }

  #drop(): void {
    this.#link?.destroy();
    this.#link = undefined;
    this.#hello = undefined;
    this.#givePlace();
    this.#givePlace = () => {};
  }
}
