// One IMAP client's state: who it is, which mailbox it selected, and the list of messages as it knows it.

import type { Account, Accounts, Mailbox, Message } from "./store.ts";
import { parseSet, Refusal } from "./syntax.ts";
import type { Wire } from "./wire.ts";

interface Known {
  readonly message: Message;
  flags: string;
}

const flagsOf = (message: Message): string => [...message.flags].join(" ");

/** A selected mailbox. Sequence numbers are places in `known`, which changes only when the client is told. */
export class Selection {
  readonly mailbox: Mailbox;
  readonly readOnly: boolean;
  #known: Known[];

  constructor(mailbox: Mailbox, readOnly: boolean) {
    this.mailbox = mailbox;
    this.readOnly = readOnly;
    this.#known = mailbox.messages.map((message) => ({ message, flags: flagsOf(message) }));
  }

  /** The messages of a set, with their sequence numbers; those that others removed meanwhile are left out. */
  pick(set: string, byUid: boolean): { sequence: number; message: Message }[] {
    const all = this.all();
    const last = byUid ? (all.at(-1)?.message.uid ?? 0) : this.#known.length;
    const inSet = parseSet(set, last);
    return all.filter(({ sequence, message }) => inSet(byUid ? message.uid : sequence));
  }

  all(): { sequence: number; message: Message }[] {
    return this.#known.map(({ message }, index) => ({ sequence: index + 1, message })).filter(({ message }) => !message.expunged);
  }

  /** The client has just been told these flags. */
  told(message: Message): void {
    const known = this.#known.find((entry) => entry.message === message);
    if (known !== undefined) known.flags = flagsOf(message);
  }

  /** What changed since the client was told last, as untagged lines. Removals only where the client may be told of them. */
  news(withRemovals: boolean): string {
    const lines: string[] = [];
    if (withRemovals) {
      for (let index = this.#known.length - 1; index >= 0; index -= 1) {
        if (this.#known[index]?.message.expunged !== true) continue;
        this.#known.splice(index, 1);
        lines.push(`* ${index + 1} EXPUNGE\r\n`);
      }
    }
    const there = new Set(this.#known.map(({ message }) => message));
    const added = this.mailbox.messages.filter((message) => !there.has(message));
    this.#known.push(...added.map((message) => ({ message, flags: flagsOf(message) })));
    if (added.length > 0) lines.push(`* ${this.#known.length} EXISTS\r\n* 0 RECENT\r\n`);
    for (const [index, known] of this.#known.entries()) {
      if (known.flags === flagsOf(known.message)) continue;
      known.flags = flagsOf(known.message);
      lines.push(`* ${index + 1} FETCH (FLAGS (${known.flags}))\r\n`);
    }
    return lines.join("");
  }
}

export class ImapSession {
  readonly wire: Wire;
  readonly name: string;
  readonly accounts: Accounts;
  user: Account | undefined;
  selection: Selection | undefined;
  over = false;

  constructor(wire: Wire, name: string, accounts: Accounts) {
    this.wire = wire;
    this.name = name;
    this.accounts = accounts;
  }

  get account(): Account {
    if (this.user === undefined) throw new Refusal("BAD", "Log in first");
    return this.user;
  }

  get selected(): Selection {
    if (this.selection === undefined) throw new Refusal("BAD", "Select a mailbox first");
    return this.selection;
  }

  /** The selected mailbox, for a change. */
  get writable(): Selection {
    if (this.selected.readOnly) throw new Refusal("NO", "The mailbox is read-only");
    return this.selected;
  }

  mailbox(name: string, code = "NONEXISTENT"): Mailbox {
    const mailbox = this.account.find(name);
    if (mailbox === undefined) throw new Refusal("NO", `[${code}] There is no such mailbox`);
    return mailbox;
  }

  untagged(text: string): void {
    this.wire.write(`* ${text}\r\n`);
  }
}
