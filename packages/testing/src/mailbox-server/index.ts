// A small but real mailbox server for tests and for trying things out: IMAP4rev1 and POP3 over mailboxes in memory, without
// TLS, on loopback only. Mail apps can log in, read, store, search, idle; see imap-commands.ts and pop3-server.ts.

import { serveImap } from "./imap-server.ts";
import { servePop3 } from "./pop3-server.ts";
import { Account } from "./store.ts";
import type { AccountOptions } from "./store.ts";
import { LoopbackServer } from "./wire.ts";

export interface MailboxServerOptions {
  /** In the greetings, so that people see where they got to. Printable, on one line. */
  readonly name: string;
  /** By name as it is logged in with, lower case. */
  readonly users: Readonly<Record<string, AccountOptions>>;
}

export interface MailboxServer {
  /** Resolves to the ports of 127.0.0.1; free ones unless given. Throws the socket's Error when a port is taken. */
  listen(ports?: { readonly imap?: number; readonly pop3?: number }): Promise<{ readonly imap: number; readonly pop3: number }>;
  /** Puts a message into a user's inbox while it runs; idling clients are told. */
  deliver(user: string, message: string): void;
  /** Ends all sessions. */
  close(): Promise<void>;
}

export function createMailboxServer({ name, users }: MailboxServerOptions): MailboxServer {
  const accounts = new Map(Object.entries(users).map(([user, options]) => [user.toLowerCase(), new Account(options)]));
  const imap = new LoopbackServer((wire) => serveImap(wire, name, accounts));
  const pop3 = new LoopbackServer((wire) => servePop3(wire, name, accounts));
  return {
    async listen(ports = {}) {
      return { imap: await imap.listen(ports.imap ?? 0), pop3: await pop3.listen(ports.pop3 ?? 0) };
    },
    deliver(user, message) {
      const inbox = accounts.get(user.toLowerCase())?.find("INBOX");
      if (inbox === undefined) throw new Error(`Cannot deliver: there is no user "${user}"`);
      inbox.add(Buffer.from(message.replace(/\r?\n/g, "\r\n"), "utf8"));
    },
    async close() {
      await Promise.all([imap.close(), pop3.close()]);
    },
  };
}
