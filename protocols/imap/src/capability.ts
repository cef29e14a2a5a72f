// What the front offers before login (RFC 9051 section 7.2.2). It speaks only for the dialogue before login: afterwards the
// client gets the backend's own list. A list set by hand is sent as written, completed by what depends on the state of
// the connection (STARTTLS, LOGINDISABLED, AUTH=…) unless it names these itself.

import { plaintextAllowed, takesPasswords, usableMechanisms, type Front } from "@postern/core";

const BASE = ["IMAP4rev1", "IMAP4rev2", "SASL-IR", "LITERAL-", "ID", "ENABLE"];

/** "IMAP4rev1 …" */
export function capabilities(front: Front): string {
  const { secure } = front.client;
  const base = (front.session.listener.capabilities ?? BASE).filter((word) => word.toUpperCase() !== "STARTTLS" || !secure);
  const named = (start: string): boolean => base.some((word) => word.toUpperCase().startsWith(start));
  const words = [...base];
  if (front.context.canStartTls && !secure && !named("STARTTLS")) words.push("STARTTLS");
  if (!(plaintextAllowed(front) && takesPasswords(front)) && !named("LOGINDISABLED")) words.push("LOGINDISABLED");
  if (!named("AUTH=")) words.push(...usableMechanisms(front).map(({ name }) => `AUTH=${name}`));
  return words.join(" ");
}
