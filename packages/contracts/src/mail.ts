// A mail transaction as filters and mail-flow rules see it: who sends, to whom, what is known of the message so far, and what
// they add to that. One client's visit has transactions one after the other. Nothing here talks to anybody.

import type { Session } from "./session.ts";

/** A reply to the client: three digits, an enhanced status code (RFC 3463) of the same class, words. */
export interface MailReply {
  readonly code: number;
  /** "5.7.1"; "" where there is none: greeting, hello, a backend that gave none. */
  readonly status: string;
  /** One or more lines without CR or LF. */
  readonly lines: readonly string[];
}

/** An address of the envelope, with the parameters that came with it. */
export interface MailAddress {
  /** Without brackets, as the client wrote it; "" is the null sender. */
  readonly address: string;
  /** Names in capitals, values as sent (xtext not decoded); undefined: no value. In the client's order. */
  readonly parameters: ReadonlyMap<string, string | undefined>;
}

export interface MailRecipient extends MailAddress {
  /** Where the message goes: the address after rewriting, which the backend is told. */
  readonly deliverTo: string;
  /** The address by which the backend is found; a rule may change it. Read as `redirect` is. */
  routeAs: string;
}

/** Client and connection, for as long as it stays. */
export interface MailVisit {
  readonly session: Session;
  /** What the client calls itself; undefined before its hello. */
  readonly hello: string | undefined;
  /** It said the extended hello. */
  readonly extended: boolean;
  /** It spoke before the greeting. */
  readonly spokeEarly: boolean;
  /** Believed about headers: a relay of ours (mail.trusted). Filters that look for strangers leave it alone. */
  readonly trusted: boolean;
  /** Recipients that were refused for good (5xx) so far, by whomever. */
  readonly refusedRecipients: number;
  /** The client's name in the DNS, confirmed forwards; "" has none; undefined: nobody has asked, or the DNS is down. */
  hostName: string | undefined;
  /** What filters found of the connection; part of every transaction's findings. */
  readonly findings: Finding[];
}

/** What one filter found, and what it counts. Scores add up; rules and thresholds look at the sum. */
export interface Finding {
  /** In capitals: "DNSLIST_ZEN", "SPF_FAIL". */
  readonly symbol: string;
  /** Above 0 speaks against the message, below 0 for it. */
  readonly score: number;
  /** For the log, one line. */
  readonly text: string;
}

/** A change of the message's header. Names and values hold no CR, LF or NUL; the writer folds long values. */
export type HeaderEdit =
  /** At the top, above what came. */
  | { readonly do: "prepend"; readonly name: string; readonly value: string }
  /** At the end of the header. */
  | { readonly do: "append"; readonly name: string; readonly value: string }
  /** All fields of a name, or the nth from the top (1 is the first). */
  | { readonly do: "remove"; readonly name: string; readonly nth?: number }
  | { readonly do: "replace"; readonly name: string; readonly nth: number; readonly value: string };

export const MESSAGE_KINDS = ["ordinary", "voice", "fax", "missed-call"] as const;
export type MessageKind = (typeof MESSAGE_KINDS)[number];

/** The header of a message, read once. */
export interface MailHeader {
  /** As it came: every field with its CRLF, without the empty line. */
  readonly bytes: Buffer;
  /** Values of all fields of a name (any case), from the top; unfolded, trimmed, UTF-8. */
  all(name: string): readonly string[];
  first(name: string): string | undefined;
  /** How many fields have this name. */
  count(name: string): number;
}

export interface MailTransaction {
  /** Unique, printable: what the log, the Received field and scanners name it by. */
  readonly id: string;
  readonly visit: MailVisit;
  readonly sender: MailAddress;
  /** Those accepted so far, in the client's order; a rule may add to them. */
  readonly recipients: readonly MailRecipient[];
  /** What the client said with SIZE, then the bytes that have come. */
  readonly size: number;
  /** What is believed of the header: without fields that strangers may not send. undefined until it is complete. */
  readonly header: MailHeader | undefined;
  /** The header as it came: what signatures are over, and what the numbers in `edits` count. */
  readonly came: MailHeader | undefined;
  /** undefined until the header is complete. */
  readonly kind: MessageKind | undefined;
  /** Of this message. */
  readonly findings: Finding[];
  /** Results for the Authentication-Results field (RFC 8601): a method, its result, and what was looked at. */
  readonly authentication: string[];
  /** To be made before the message goes on, in order. */
  readonly edits: HeaderEdit[];
  /** The backend that takes the message instead of the recipients' own. Read when a recipient is routed, and before content goes out. */
  redirect: string | undefined;
  /** Recipients that a rule adds; each is routed like any other. */
  readonly added: string[];
}

/** The sum of what was found of the connection and the message. */
export function scoreOf({ findings, visit }: Pick<MailTransaction, "findings" | "visit">): number {
  return [...visit.findings, ...findings].reduce((sum, { score }) => sum + score, 0);
}
