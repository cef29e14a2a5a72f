// What EHLO lists before login (RFC 5321 section 4.1.1.1): only what is true whatever the user's own backend is, so what all
// backends have in common. Afterwards the client asks the backend itself. A list set by hand is sent as written, completed by AUTH, STARTTLS and
// XCLIENT unless it names them.

import { usableMechanisms, type Front } from "@postern/core";
import { inCommon } from "../extensions.ts";
import { xclientOffer } from "../xclient.ts";

/** Our own replies have them. */
const OURS = "ENHANCEDSTATUSCODES";

/** The reply to EHLO, complete. */
export function ehloReply(front: Front): string {
  const all = [front.context.hostname, ...extensions(front)];
  return all.map((line, index) => `250${index === all.length - 1 ? " " : "-"}${line}\r\n`).join("");
}

function extensions(front: Front): readonly string[] {
  const { client, session, context } = front;
  const common = (): readonly string[] => [...inCommon(context.backendFeatures?.() ?? []), OURS];
  const lines = (session.listener.capabilities ?? common()).filter((line) => line.toUpperCase() !== "STARTTLS" || !client.secure);
  const named = (word: string): boolean => lines.some((line) => line.toUpperCase().split(" ")[0] === word);
  const mechanisms = usableMechanisms(front).map(({ name }) => name);
  const more: string[] = [];
  if (mechanisms.length > 0 && !named("AUTH")) more.push(`AUTH ${mechanisms.join(" ")}`);
  if (context.canStartTls && !client.secure && !named("STARTTLS")) more.push("STARTTLS");
  if (!named("XCLIENT")) more.push(xclientOffer(session));
  return [...lines, ...more];
}
