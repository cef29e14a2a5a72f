// Edge defences: each is one filter behind this interface, asked stage by stage. A filter says nothing (undefined), or
// stops the mail, or ends the asking. It adds what it found to visit and transaction. It never talks to the client.

import type { Finding, MailHeader, MailRecipient, MailReply, MailTransaction, MailVisit } from "./mail.ts";

export const FILTER_STAGES = {
  connect: "the connection, before the greeting",
  hello: "the client's name",
  sender: "the sender of a transaction",
  recipient: "one recipient",
  header: "the header of the message",
  content: "the whole message, before the backend has its end",
} as const;
export type FilterStage = keyof typeof FILTER_STAGES;

export type FilterVerdict =
  /** The client gets this 4xx or 5xx reply; `hangUp`: and the connection is closed. */
  | { readonly action: "stop"; readonly reply: MailReply; readonly hangUp?: boolean }
  /** Good enough: later filters are not asked at this stage. */
  | { readonly action: "accept" };

export type FilterAnswer = FilterVerdict | undefined;
export type MaybePromise<T> = T | Promise<T>;

export interface MailFilter {
  /** As in the configuration and the log: "dnsLists". */
  readonly name: string;
  connect?(visit: MailVisit): MaybePromise<FilterAnswer>;
  hello?(visit: MailVisit): MaybePromise<FilterAnswer>;
  sender?(transaction: MailTransaction): MaybePromise<FilterAnswer>;
  recipient?(transaction: MailTransaction, recipient: MailRecipient): MaybePromise<FilterAnswer>;
  header?(transaction: MailTransaction, header: MailHeader): MaybePromise<FilterAnswer>;
  /** Wants to see the content; called when the header is complete. undefined: not this message. */
  scan?(transaction: MailTransaction): ContentScan | undefined;
  /** The whole message was seen, and every scan has ended: what do they add up to? */
  content?(transaction: MailTransaction): MaybePromise<FilterAnswer>;
  /** `content` may change the header of this message or where it goes: until then nothing goes to a backend. Asked with the header. */
  holds?(transaction: MailTransaction): boolean;
  /** The transaction is over: `accepted` when a backend has taken the message. */
  finished?(transaction: MailTransaction, accepted: boolean): void;
  /** The client is gone. */
  left?(visit: MailVisit): void;
  close?(): void;
}

/** One message under a filter's eyes. */
export interface ContentScan {
  /**
   * The filter may change the header or stop the mail after it has seen the end: until then nothing goes to a backend. False:
   * it may still stop the mail, and the bytes stream on meanwhile.
   */
  readonly holds: boolean;
  /** The next bytes: header, empty line, body, lines end with CRLF, dots not doubled. A promise: wait before giving more. Never throws. */
  write(chunk: Buffer): void | Promise<void>;
  /** That was the whole message. Never throws: a scanner that is down answers as its settings say. */
  end(): Promise<FilterAnswer>;
  /** No verdict is wanted any more. */
  abort(): void;
}

/** Shorthands for verdicts. */
export const stop = (code: number, status: string, text: string, hangUp = false): FilterVerdict => ({
  action: "stop",
  reply: { code, status, lines: [text] },
  ...(hangUp && { hangUp }),
});

export const found = (symbol: string, score: number, text: string): Finding => ({ symbol, score, text });
