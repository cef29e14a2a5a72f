// The client, its visit and its transaction as a dry run makes them up. Nothing here asks anybody.

import {
  newSession,
  type MailHeader,
  type MailRecipient,
  type MailTransaction,
  type MailVisit,
  type MessageKind,
} from "@postern/contracts";

export interface DryMessage {
  /** "" is the null sender. */
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly client: string;
  readonly hello: string | undefined;
  /** As it comes. */
  readonly header: MailHeader;
  readonly size: number;
  /** What filters and scanners would count, and find. */
  readonly score: number;
  readonly findings: readonly string[];
  /** Milliseconds of the wall clock. */
  readonly now: number;
}

/** A transaction that gets what comes later. */
export type Growing = MailTransaction & {
  header: MailHeader | undefined;
  came: MailHeader | undefined;
  kind: MessageKind | undefined;
  recipients: MailRecipient[];
};

export function transactionOf({ sender, size }: DryMessage, visit: MailVisit): Growing {
  return {
    id: "dry-run",
    visit,
    sender: { address: sender, parameters: new Map([["SIZE", String(size)]]) },
    recipients: [],
    size,
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

export function visitOf({ client, hello, now }: DryMessage, trusted: boolean): MailVisit {
  const session = newSession({
    id: "dry-run",
    listener: {
      name: "dry run",
      protocol: "smtp",
      tls: "none",
      allowPlaintext: false,
      mechanisms: undefined,
      trusts: () => false,
      capabilities: undefined,
      applications: [],
    },
    startedAt: now,
    stage: "converse",
    client: { host: client, port: 0 },
    local: { host: "", port: 0 },
  });
  return {
    session,
    hello,
    extended: true,
    spokeEarly: false,
    trusted,
    refusedRecipients: 0,
    hostName: undefined,
    findings: [],
  };
}
