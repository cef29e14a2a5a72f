// The content of one message on its way: line endings, size, header, filters, then the backends. It streams through as it comes,
// unless a filter holds it until its end has been seen. What is refused is not kept: the rest of it is counted and thrown away.
// Nothing here rejects; what breaks becomes a reply. RFC 5321 sections 2.3.8 and 4.5.3, RFC 8601 for what filters add.

import { tmpdir } from "node:os";
import { toFailure, type Logger, type MailReply } from "@postern/contracts";
import {
  applyEdits,
  countHops,
  fieldBytes,
  HeaderCollector,
  kindOf,
  LINE_PROBLEMS,
  LineEndings,
  parseHeader,
  stripForged,
  type HeaderSplit,
} from "@postern/message";
import type { Delivery, InboundParts } from "../parts.ts";
import type { Filters, Stopped } from "./ask.ts";
import { Held } from "./held.ts";
import { receivedOf } from "./received-of.ts";
import { Scans } from "./scans.ts";
import type { Transaction } from "./visit.ts";
import { says } from "./words.ts";

/** What the content of a message needs of the house. */
export interface ContentHouse {
  readonly parts: Pick<InboundParts, "hostname" | "settings" | "strippedHeaders">;
  readonly filters: Filters;
  readonly logger: Logger;
  readonly now: () => number;
}

const CRLF = Buffer.from("\r\n");
const LF = 0x0a;
const LEFT = says(451, "4.4.2", "The client left before the message was given to anybody");
const LATER = says(451, "4.3.0", "The mail cannot be taken now, try again later");

export class Content {
  /** Why it is not taken; what comes from then on is thrown away. */
  refusal: MailReply | undefined;
  /** The filter that refused it. */
  refusedBy: Stopped | undefined;
  /** Bytes that have come. */
  size = 0;
  readonly #transaction: Transaction;
  readonly #delivery: Delivery;
  readonly #house: ContentHouse;
  readonly #maxMessage: number;
  readonly #endings: LineEndings;
  #collector: HeaderCollector | undefined;
  #scans: Scans | undefined;
  #held: Held | undefined;
  #lastByte = LF;
  #isOver = false;

  constructor(transaction: Transaction, delivery: Delivery, house: ContentHouse, maxMessage: number) {
    this.#transaction = transaction;
    this.#delivery = delivery;
    this.#house = house;
    this.#maxMessage = maxMessage;
    this.#endings = new LineEndings(house.parts.settings.bareLineEndings);
    this.#collector = new HeaderCollector(house.parts.settings.maxHeader);
    transaction.size = 0;
  }

  write(chunk: Buffer): void | Promise<void> {
    this.size += chunk.length;
    if (this.refusal !== undefined || this.#isOver) return;
    this.#transaction.size = this.size;
    if (this.size > this.#maxMessage) return this.#refuse(says(552, "5.3.4", `A message may have ${this.#maxMessage} bytes`));
    const clean = this.#endings.push(chunk);
    if (typeof clean === "string") return this.#refuse(lineProblem(clean));
    if (clean.length > 0) return this.#pass(clean);
  }

  /**
   * All of it has come. The answer for the client: a 2xx means that the backends have it. They do not get it when the client is
   * gone by then: it will send the message again.
   */
  async finish(isGone: () => boolean): Promise<MailReply> {
    try {
      return await this.#finish(isGone);
    } catch (error) {
      return this.#broken(error);
    }
  }

  /** The client is gone, or wants it no more. */
  abort(): void {
    if (this.#isOver) return;
    this.#drop();
  }

  async #finish(isGone: () => boolean): Promise<MailReply> {
    if (this.refusal === undefined) await this.#complete();
    if (this.refusal === undefined) await this.#judgeWhole();
    if (this.refusal === undefined && this.#held !== undefined) await this.#release(this.#held);
    if (isGone()) this.#refuse(LEFT);
    if (this.refusal !== undefined) return this.refusal;
    const reply = await this.#delivery.commit();
    this.#isOver = true;
    return reply;
  }

  /** The last line gets its end (a BDAT chunk may lack it), and a header without a body is one, too. */
  async #complete(): Promise<void> {
    const tail = this.#endings.end();
    if (typeof tail === "string") return this.#refuse(lineProblem(tail));
    if (tail.length > 0) await this.#pass(tail);
    if (this.#lastByte !== LF) await this.#pass(CRLF);
    const collector = this.#collector;
    this.#collector = undefined;
    if (collector !== undefined && this.refusal === undefined) await this.#guard(this.#begin(collector.end()));
  }

  #pass(clean: Buffer): void | Promise<void> {
    this.#lastByte = clean[clean.length - 1] ?? LF;
    if (this.#collector === undefined) return this.#body(clean);
    const split = this.#collector.push(clean);
    if (split === undefined) return;
    this.#collector = undefined;
    if (split === "too-large") return this.#refuse(says(552, "5.3.4", "The header is too large"));
    return this.#guard(this.#begin(split));
  }

  /** The header is complete. */
  async #begin({ header, rest }: HeaderSplit): Promise<void> {
    const { filters } = this.#house;
    const { settings } = this.#house.parts;
    const transaction = this.#transaction;
    const came = parseHeader(header);
    if (countHops(came) > settings.maxHops) return this.#refuse(says(554, "5.4.6", "Too many hops: the message goes in circles"));
    const stripped = transaction.visit.trusted ? [] : stripForged(came, this.#house.parts.strippedHeaders);
    transaction.edits.unshift(...stripped);
    const kept = stripped.length === 0 ? came : parseHeader(applyEdits(came, stripped));
    transaction.came = came;
    transaction.header = kept;
    transaction.kind = kindOf(kept, transaction.recipients);
    const stopped = filters.ask("header", (filter) => filter.header?.(transaction, kept));
    if (this.#isStopped(stopped instanceof Promise ? await stopped : stopped)) return;
    this.#scans = new Scans(filters, transaction);
    if (this.#scans.hold) this.#held = new Held(settings.heldBytes, settings.heldFolder ?? tmpdir());
    else if (!(await this.#send())) return;
    await this.#scans?.write(came.bytes);
    if (rest.length > 0) await this.#body(rest);
  }

  /** Everything is decided but the body: the backends get the header. False: they do not want it. */
  async #send(): Promise<boolean> {
    const refused = await this.#delivery.begin();
    if (this.#isOver) return false;
    if (refused !== undefined) {
      this.#refuse(refused);
      return false;
    }
    await this.#delivery.write(this.#headerToSend());
    return true;
  }

  #headerToSend(): Buffer {
    const transaction = this.#transaction;
    const { parts, now } = this.#house;
    const { name, value } = receivedOf(transaction, parts.hostname, now());
    const edited = applyEdits(transaction.came ?? parseHeader(Buffer.alloc(0)), transaction.edits);
    return Buffer.concat([fieldBytes(name, value), edited]);
  }

  #body(chunk: Buffer): void | Promise<void> {
    if (this.refusal !== undefined || this.#isOver) return;
    const shown = this.#scans?.write(chunk);
    const sent = this.#held === undefined ? this.#delivery.write(chunk) : this.#held.write(chunk);
    if (shown === undefined && sent === undefined) return;
    return this.#guard(Promise.all([shown, sent]));
  }

  /** What scans and filters say of the whole message. */
  async #judgeWhole(): Promise<void> {
    if (this.#isStopped(await this.#scans?.end())) return;
    const stopped = this.#house.filters.ask("content", (filter) => filter.content?.(this.#transaction));
    this.#isStopped(stopped instanceof Promise ? await stopped : stopped);
  }

  /** What was kept goes out. */
  async #release(held: Held): Promise<void> {
    if (!(await this.#send())) return;
    await held.replay((chunk) => this.#delivery.write(chunk));
    await held.discard();
  }

  #isStopped(stopped: Stopped | undefined): boolean {
    if (this.#isOver) return true;
    if (stopped === undefined) return false;
    this.refusedBy = stopped;
    this.#refuse(stopped.reply);
    return true;
  }

  #refuse(reply: MailReply): void {
    this.refusal ??= reply;
    this.#drop();
  }

  #broken(error: unknown): MailReply {
    this.#house.logger.error("message failed", { transaction: this.#transaction.id, error: toFailure(error) });
    this.#refuse(LATER);
    return this.refusal ?? LATER;
  }

  async #guard(work: Promise<unknown>): Promise<void> {
    try {
      await work;
    } catch (error) {
      this.#broken(error);
    }
  }

  #drop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const held = this.#held;
    this.#held = undefined;
    this.#scans?.abort();
    this.#delivery.abort();
    void held?.discard().catch((error: unknown) => this.#broken(error));
  }
}

const lineProblem = (problem: keyof typeof LINE_PROBLEMS): MailReply =>
  says(550, "5.6.11", `The message is not taken: ${LINE_PROBLEMS[problem]}`);
