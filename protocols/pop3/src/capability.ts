// What CAPA lists before login (RFC 2449). TOP and UIDL are the backend's, and every server has them; afterwards the client
// asks the backend itself. A list set by hand is sent as written, completed by USER, SASL and STLS unless it names them.

import { plaintextAllowed, takesPasswords, usableMechanisms, type Front } from "@postern/core";

const BASE = ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "UTF8"];

/** The lines of the CAPA answer, without the first and the last. */
export function capabilities(front: Front): readonly string[] {
  const { secure } = front.client;
  const lines = (front.session.listener.capabilities ?? BASE).filter((line) => line.toUpperCase() !== "STLS" || !secure);
  const named = (word: string): boolean => lines.some((line) => line.toUpperCase().split(" ")[0] === word);
  const mechanisms = usableMechanisms(front).map(({ name }) => name);
  const more: string[] = [];
  if (plaintextAllowed(front) && takesPasswords(front) && !named("USER")) more.push("USER");
  if (mechanisms.length > 0 && !named("SASL")) more.push(`SASL ${mechanisms.join(" ")}`);
  if (front.context.canStartTls && !secure && !named("STLS")) more.push("STLS");
  return [...lines, ...more];
}
