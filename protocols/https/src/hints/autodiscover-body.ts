// Whom a request to Autodiscover asks about: <EMailAddress> of the plain dialect ([MS-OXDSCLI]), <Mailbox> of the SOAP one
// ([MS-OXWSADISC]). <LegacyDN> names a mailbox as only Exchange's directory knows it: no route source could look it up, so
// there is no hint in it, and the address beside it counts. Never throws.

import { textOf, xmlText } from "../xml.ts";
import { addressText } from "./mailbox-text.ts";

const LONGEST = 64 * 1024;

/** Outlook asks for one user; a SOAP request for several users goes where the first one lives. */
export function autodiscoverMailbox(body: Buffer | undefined): string | undefined {
  if (body === undefined || body.length === 0 || body.length > LONGEST) return undefined;
  const xml = xmlText(body);
  return addressText(textOf(xml, "EMailAddress")) ?? addressText(textOf(xml, "Mailbox"));
}
