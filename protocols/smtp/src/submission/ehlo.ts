// What EHLO lists before login (RFC 5321 section 4.1.1.1): only what is true whatever the user's own backend is, so what all
// backends have in common. Afterwards the client asks the backend itself. A list set by hand is sent as written, completed by AUTH, STARTTLS and
// XCLIENT unless it names them.

import { usableMechanisms, type Front } from "@postern/core";
import { ehloList, ehloText } from "../ehlo-list.ts";
import { inCommon } from "../extensions.ts";
import { xclientOffer } from "../xclient.ts";

/** Our own replies have them. */
const OURS = "ENHANCEDSTATUSCODES";

/** The reply to EHLO, complete. */
export const ehloReply = (front: Front): string => ehloText(front.context.hostname, extensions(front));

function extensions(front: Front): readonly string[] {
  const { client, session, context } = front;
  const common = (): readonly string[] => [...inCommon(context.backendFeatures?.() ?? []), OURS];
  const mechanisms = usableMechanisms(front).map(({ name }) => name);
  const more: string[] = [];
  if (mechanisms.length > 0) more.push(`AUTH ${mechanisms.join(" ")}`);
  if (context.canStartTls && !client.secure) more.push("STARTTLS");
  more.push(xclientOffer(session));
  return ehloList(session.listener.capabilities, common, more, client.secure);
}
