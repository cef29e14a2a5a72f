// The gateway's own answers where no backend gave one, and which of several answers counts. RFC 5321 section 4.2, RFC 3463.

import type { Failure, FailureKind, MailReply } from "@postern/contracts";

const reply = (code: number, status: string, text: string): MailReply => ({ code, status, lines: [text] });

/** Every backend takes it. */
export const YES = reply(250, "2.1.5", "OK");
export const UNREACHABLE = reply(451, "4.4.1", "The mail server cannot be reached now, try again later");
export const LOST = reply(451, "4.4.2", "The connection to the mail server was lost, try again later");
export const OTHER_BACKEND = reply(452, "4.5.3", "Send to this recipient in a message of its own");
export const NO_RECIPIENTS = reply(554, "5.5.1", "No valid recipients");
export const NO_ADDRESS = reply(553, "5.1.3", "This is no address");
export const NEEDS_UTF8 = reply(550, "5.6.7", "The mail server takes ASCII addresses and headers only");
export const NEEDS_8BIT = reply(554, "5.6.3", "The mail server takes messages of 7-bit characters only");
export const NEEDS_TLS = reply(550, "5.7.30", "The mail server does not support REQUIRETLS");
export const NOT_ADDED = reply(451, "4.3.5", "A recipient that a rule adds cannot be reached now, try again later");
export const NOT_MOVED = reply(451, "4.3.5", "The backend that a rule has chosen cannot be found now, try again later");
export const BROKEN = reply(451, "4.3.0", "Internal error, try again later");

const BY_KIND: Partial<Readonly<Record<FailureKind, MailReply>>> = {
  "backend-lost": LOST,
  "backend-silent": LOST,
  "backend-garbled": LOST,
  "backend-busy": reply(451, "4.3.2", "The mail server is busy, try again later"),
  "route-loop": reply(554, "5.4.6", "The mail goes round in circles: the gateways point at each other"),
  internal: BROKEN,
};

export const answerTo = ({ kind }: Failure): MailReply => BY_KIND[kind] ?? UNREACHABLE;

export const isYes = ({ code }: MailReply): boolean => code >= 200 && code < 300;

/** Any 4xx, then any 5xx: who comes again loses nothing. Of yeses the first. */
export function worstOf(replies: readonly MailReply[]): MailReply {
  const no = (digit: number): MailReply | undefined => replies.find(({ code }) => Math.floor(code / 100) === digit);
  return no(4) ?? no(5) ?? replies[0] ?? BROKEN;
}
