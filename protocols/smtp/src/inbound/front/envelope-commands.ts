// MAIL and RCPT (RFC 5321 sections 4.1.1.2 and 4.1.1.3). The sender is ours to answer; a recipient is answered by its backend, in the
// backend's own words, as soon as we know that it is for us, and where it goes.

import { toFailure, type MailReply, type RoutedRecipient } from "@postern/contracts";
import type { Stopped } from "./ask.ts";
import type { Dialogue } from "./dialogue.ts";
import { Mail } from "./mail.ts";
import { checkRecipient, checkSender } from "./parameters.ts";
import { parsePath } from "./path.ts";
import { unrouted } from "./unrouted.ts";
import { Recipient, Transaction } from "./visit.ts";
import { isYes, MailError, says } from "./words.ts";

export function mail(dialogue: Dialogue, args: Buffer): void | Promise<void> {
  const { house, offer, visit, wire } = dialogue;
  if (offer === undefined) throw new MailError(503, "5.5.1", "Say EHLO first");
  if (dialogue.mail !== undefined) throw new MailError(503, "5.5.1", "There is a transaction already");
  const sender = parsePath(args, "FROM");
  checkSender(sender, offer.keywords, offer.maxMessage);
  const transaction = new Transaction(`${visit.session.id}.${++dialogue.count}`, visit, sender, house.now());
  const answer = (stopped: Stopped | undefined): void => {
    if (stopped !== undefined) return refuseSender(dialogue, transaction, stopped);
    dialogue.mail = new Mail(transaction, house.openDelivery(transaction, house.parts, wire.doors.trace), house);
    wire.say(says(250, "2.1.0", "OK"));
  };
  const stopped = house.filters.ask("sender", (filter) => filter.sender?.(transaction));
  return stopped instanceof Promise ? stopped.then(answer) : answer(stopped);
}

/** Filters that have seen the sender hear that nothing came of it. */
function refuseSender(dialogue: Dialogue, transaction: Transaction, stopped: Stopped): void {
  dialogue.house.filters.tell((filter) => filter.finished?.(transaction, false));
  dialogue.stopped(stopped, transaction);
}

export async function rcpt(dialogue: Dialogue, args: Buffer): Promise<void> {
  const under = dialogue.mail;
  if (under === undefined) throw new MailError(503, "5.5.1", "Say MAIL first");
  if (under.content !== undefined) throw new MailError(503, "5.5.1", "The message has begun already");
  const { transaction } = under;
  const path = parsePath(args, "TO");
  checkRecipient(path, dialogue.offer?.keywords ?? new Set(), transaction.utf8);
  const { maxRecipients } = dialogue.house.parts.settings;
  if (transaction.recipients.length >= maxRecipients) throw new MailError(452, "4.5.3", "Too many recipients: send it in parts");
  const recipient = new Recipient(path);
  const stopped = await dialogue.house.filters.ask("recipient", (filter) => filter.recipient?.(transaction, recipient));
  const reply = stopped?.reply ?? (await tell(dialogue, under, recipient));
  if (isYes(reply)) {
    transaction.recipients.push(recipient);
    dialogue.idle = 0;
    dialogue.wire.say(reply);
    return;
  }
  if (reply.code >= 500) transaction.visit.refusedRecipients++;
  const about = { id: transaction.id, sender: transaction.sender, recipient };
  if (stopped !== undefined) return dialogue.stopped(stopped, about);
  dialogue.logRefusal(reply, "recipient", about);
  dialogue.no(reply);
}

/** Routes a recipient, and tells its backend: the backend's own answer, or why there is none. */
async function tell(dialogue: Dialogue, { transaction, delivery }: Mail, recipient: Recipient): Promise<MailReply> {
  let routed: RoutedRecipient;
  try {
    routed = await dialogue.house.parts.recipients.find(recipient.address, transaction.visit.session, {
      ...(transaction.redirect !== undefined && { redirect: transaction.redirect }),
      ...(recipient.routeAs !== recipient.address && { routeAs: recipient.routeAs }),
    });
  } catch (error) {
    const failure = toFailure(error);
    if (failure.kind === "internal")
      dialogue.house.logger.error("recipient failed", { transaction: transaction.id, error: failure });
    return unrouted(failure);
  }
  recipient.goes(routed);
  return delivery.recipient(recipient, routed);
}
