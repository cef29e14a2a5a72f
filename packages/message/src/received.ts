// The Received field that a message gets on its way through (RFC 5321 section 4.4, RFC 3848, RFC 6531 section 3.7.3). What a client
// says of itself is foreign: it gets into the field as a few harmless characters, or not at all, so that it can neither end a
// comment nor begin a clause. Never throws.

import type { MailHeader, TlsFacts } from "@postern/contracts";

export interface ReceivedFacts {
  /** What the client calls itself; undefined: it did not say. */
  readonly helo: string | undefined;
  /** Its name in the DNS; undefined or "": unknown. */
  readonly clientName: string | undefined;
  /** Its address; "" for a unix socket. */
  readonly clientHost: string;
  /** Our host name. */
  readonly by: string;
  /** See withOf. */
  readonly protocol: string;
  readonly id: string;
  readonly tls: Pick<TlsFacts, "version" | "cipher"> | undefined;
  /** The only recipient; undefined when there are several, so that none learns of the others. */
  readonly recipient: string | undefined;
  /** Milliseconds since 1970. */
  readonly date: number;
}

/** Characters without a meaning in a header. */
const HARMLESS = /[^\w.:[\]+-]/g;
const LONGEST = 255;

/** Dots and words as RFC 5321 has them unquoted; beyond US-ASCII only where the message may hold it. */
const MAILBOX = /^[^\p{Cc}\s()<>\\",;:]+$/u;

export function receivedField(facts: ReceivedFacts): { name: string; value: string } {
  const { helo, by, protocol, id, tls, recipient, date } = facts;
  const clauses = [
    `from ${harmless(helo)} (${client(facts)})`,
    ...(tls === undefined ? [] : [`(using ${harmless(tls.version)} with cipher ${harmless(tls.cipher)})`]),
    `by ${harmless(by)} with ${harmless(protocol)} id ${harmless(id)}`,
    ...(recipient !== undefined && mayBeNamed(recipient, protocol) ? [`for <${recipient}>`] : []),
  ];
  return { name: "Received", value: `${clauses.join(" ")}; ${dateText(date)}` };
}

/** The word behind "with". A client that said HELO speaks SMTP, with TLS or without (RFC 3848 has no word for that). */
export function withOf(how: { readonly extended: boolean; readonly tls: boolean; readonly utf8: boolean }): string {
  if (!how.extended) return "SMTP";
  return `${how.utf8 ? "UTF8SMTP" : "ESMTP"}${how.tls ? "S" : ""}`;
}

/** How many hosts have had the message before us. */
export const countHops = (header: MailHeader): number => header.count("received");

/** As RFC 5322 section 3.3 writes it, in UTC. */
export const dateText = (date: number): string => new Date(date).toUTCString().replace("GMT", "+0000");

function client({ clientName, clientHost }: ReceivedFacts): string {
  if (clientHost === "") return "unix socket";
  return `${harmless(clientName)} [${clientHost.includes(":") ? "IPv6:" : ""}${harmless(clientHost)}]`;
}

function harmless(text: string | undefined): string {
  return text?.slice(0, LONGEST).replace(HARMLESS, "?") || "unknown";
}

function mayBeNamed(recipient: string, protocol: string): boolean {
  const ascii = !/[^\0-\x7f]/.test(recipient);
  return recipient.length <= LONGEST && MAILBOX.test(recipient) && (ascii || protocol.startsWith("UTF8"));
}
