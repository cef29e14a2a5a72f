// The Received field that says what we know of the client (RFC 5321 section 4.4). Who names more than one recipient names none.

import { receivedField, withOf } from "@postern/message";
import type { Transaction } from "./visit.ts";

export function receivedOf(transaction: Transaction, by: string, date: number): { name: string; value: string } {
  const { id, recipients, utf8, visit } = transaction;
  const { session } = visit;
  return receivedField({
    helo: visit.hello,
    clientName: visit.hostName,
    clientHost: session.client.host,
    by,
    protocol: withOf({ extended: visit.extended, tls: session.tls !== undefined, utf8 }),
    id,
    tls: session.tls,
    recipient: recipients.length === 1 ? recipients[0]?.address : undefined,
    date,
  });
}
