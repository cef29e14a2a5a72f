// What rules look at, gathered once for each stage of a message, or for each of its recipients.

import { Failure, type FilterStage, type MailRecipient, type MailTransaction, type MailVisit } from "@postern/contracts";
import { sameAddress } from "../mailbox.ts";
import type { AddressBook, Resolved } from "../resolve.ts";
import type { Facts } from "./conditions.ts";

export function factsOf(stage: FilterStage, now: number, visit: MailVisit, transaction?: MailTransaction): Facts {
  const sender = transaction === undefined ? "" : sameAddress(transaction.sender.address);
  return { stage, now, visit, transaction, sender, recipient: undefined, recipientNames: [], recipientAddress: "" };
}

export function withRecipient(facts: Facts, recipient: MailRecipient, book: Pick<AddressBook, "resolve">): Facts {
  const resolved = resolvedOrNot(book, recipient.address);
  const names = [recipient.address, ...(resolved === undefined ? [] : [resolved.deliverTo])];
  return {
    ...facts,
    recipient,
    recipientNames: names.map(sameAddress),
    recipientAddress: resolved?.routeAs ?? "",
  };
}

/** undefined: not ours, or no address; the router tells the client so. */
function resolvedOrNot(book: Pick<AddressBook, "resolve">, address: string): Resolved | undefined {
  try {
    return book.resolve(address);
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}
