// Mailboxes in memory: users, folders, messages. Nothing is kept after the process ends.

import { Failure } from "@postern/contracts";
import type { Credentials } from "@postern/contracts";

export interface Message {
  readonly uid: number;
  readonly date: Date;
  /** With CRLF line ends. */
  readonly raw: Buffer;
  readonly flags: Set<string>;
  /** It was removed; sessions that still show it say so to their clients. */
  expunged: boolean;
}

export class Mailbox {
  readonly name: string;
  readonly uidValidity = 1;
  uidNext = 1;
  messages: readonly Message[] = [];
  /** Called after every change, for sessions that idle. */
  readonly watchers: Set<() => void> = new Set();

  constructor(name: string) {
    this.name = name;
  }

  add(raw: Buffer, flags: Iterable<string> = [], date: Date = new Date()): Message {
    const message = { uid: this.uidNext, date, raw, flags: new Set(flags), expunged: false };
    this.uidNext += 1;
    this.messages = [...this.messages, message];
    this.changed();
    return message;
  }

  remove(gone: ReadonlySet<Message>): void {
    for (const message of gone) message.expunged = true;
    this.messages = this.messages.filter((message) => !message.expunged);
    this.changed();
  }

  changed(): void {
    for (const watcher of this.watchers) watcher();
  }
}

export interface AccountOptions {
  readonly password: string;
  /** Lets the user in with XOAUTH2 and OAUTHBEARER too. */
  readonly token?: string;
  /** Texts with header and body, LF or CRLF line ends, for the inbox. */
  readonly messages?: readonly string[];
}

export class Account {
  readonly #options: AccountOptions;
  readonly mailboxes: Map<string, Mailbox> = new Map();

  constructor(options: AccountOptions) {
    this.#options = options;
    const inbox = this.create("INBOX");
    for (const text of options.messages ?? []) inbox.add(Buffer.from(text.replace(/\r?\n/g, "\r\n"), "utf8"));
  }

  /** Names are case-sensitive but for INBOX (RFC 3501 section 5.1). */
  find(name: string): Mailbox | undefined {
    return this.mailboxes.get(name.toUpperCase() === "INBOX" ? "INBOX" : name);
  }

  create(name: string): Mailbox {
    const mailbox = new Mailbox(name);
    this.mailboxes.set(name, mailbox);
    return mailbox;
  }

  admits(kind: Credentials["kind"], secret: string): boolean {
    if (kind === "password") return secret === this.#options.password;
    return kind === "token" && this.#options.token !== undefined && secret === this.#options.token;
  }
}

export type Accounts = ReadonlyMap<string, Account>;

/** The account, or Failure wrong-credentials. Names are compared in lower case. */
export function logIn(accounts: Accounts, credentials: Credentials): Account {
  const account = accounts.get(credentials.authcid.toLowerCase());
  const onlySelf = credentials.authzid === "" || credentials.authzid === credentials.authcid;
  if (account === undefined || !onlySelf || !account.admits(credentials.kind, credentials.secret.reveal().toString("utf8")))
    throw new Failure("wrong-credentials", "Unknown user or wrong password");
  return account;
}
