// Why a recipient cannot be routed, in words for a sender: each kind of failure that means something to it. What is not listed is a
// trouble of ours: later.

import type { Failure, FailureKind, MailReply } from "@postern/contracts";
import { says } from "./words.ts";

const later = (text: string): MailReply => says(451, "4.4.3", text);

const NOBODY = says(550, "5.1.1", "There is no such mailbox here");

const UNROUTED: Partial<Readonly<Record<FailureKind, MailReply>>> = {
  "not-authorized": says(550, "5.7.1", "We do not relay mail to this domain"),
  "unknown-user": NOBODY,
  "wrong-credentials": NOBODY,
  "route-refused": says(550, "5.7.1", "Mail to this mailbox is not taken"),
  "route-loop": says(554, "5.4.6", "The mail goes in circles"),
  "source-down": later("Cannot find out where this mailbox is, try again later"),
  "no-candidate": later("The mailbox cannot be reached now, try again later"),
};

/** A source that refuses may say why. */
export function unrouted({ kind, said }: Failure): MailReply {
  const reply = UNROUTED[kind] ?? says(451, "4.3.0", "The recipient cannot be looked up now, try again later");
  return kind === "route-refused" && said !== undefined && said.text !== "" ? { ...reply, lines: [said.text] } : reply;
}
