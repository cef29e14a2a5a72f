// A message's content on its way to a milter: the body in packets as large as they may be. The header was told before, from the
// transaction: here it is only looked for, to know where the body begins. Never throws.

import type { ContentScan, FilterAnswer, MailTransaction } from "@postern/contracts";
import { HeaderCollector, type HeaderSplit } from "@postern/message";
import type { MilterConversation } from "./conversation.ts";
import { MAX_BODY } from "./protocol.ts";

const CRLF_LENGTH = 2;

export class MilterScan implements ContentScan {
  readonly holds: boolean;
  readonly #conversation: MilterConversation;
  readonly #mail: MailTransaction;
  #header: HeaderCollector | undefined = new HeaderCollector(Infinity);
  #kept: Buffer[] = [];
  #size = 0;
  #answer: FilterAnswer;
  #aborted = false;

  constructor(conversation: MilterConversation, mail: MailTransaction, holds: boolean) {
    this.#conversation = conversation;
    this.#mail = mail;
    this.holds = holds;
  }

  write(chunk: Buffer): void | Promise<void> {
    if (this.#isOver()) return undefined;
    if (this.#header === undefined) return this.#body(chunk);
    const split = this.#header.push(chunk);
    return split === undefined || split === "too-large" ? undefined : this.#begin(split);
  }

  async end(): Promise<FilterAnswer> {
    if (this.#header !== undefined) await this.#begin(this.#header.end());
    if (this.#size > 0) await this.#send(Buffer.concat(this.#kept));
    this.#kept = [];
    return this.#isOver() ? this.#answer : this.#conversation.end(this.#mail);
  }

  abort(): void {
    this.#aborted = true;
    this.#kept = [];
    this.#conversation.finished(this.#mail);
  }

  #isOver(): boolean {
    return this.#aborted || this.#answer !== undefined;
  }

  #begin({ rest }: HeaderSplit): void | Promise<void> {
    this.#header = undefined;
    return this.#body(rest.subarray(CRLF_LENGTH));
  }

  #body(chunk: Buffer): void | Promise<void> {
    if (chunk.length > 0) this.#kept.push(chunk);
    this.#size += chunk.length;
    return this.#size < MAX_BODY ? undefined : this.#sendWhole();
  }

  /** All packets that are full. */
  async #sendWhole(): Promise<void> {
    const bytes = Buffer.concat(this.#kept);
    let at = 0;
    for (; at + MAX_BODY <= bytes.length && !this.#isOver(); at += MAX_BODY) await this.#send(bytes.subarray(at, at + MAX_BODY));
    const rest = this.#isOver() ? Buffer.alloc(0) : bytes.subarray(at);
    this.#kept = rest.length > 0 ? [rest] : [];
    this.#size = rest.length;
  }

  async #send(bytes: Buffer): Promise<void> {
    if (!this.#isOver()) this.#answer = await this.#conversation.body(this.#mail, bytes);
  }
}
