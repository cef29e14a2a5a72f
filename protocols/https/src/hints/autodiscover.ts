// Whom a request to Autodiscover asks about: <EMailAddress> of the plain dialect ([MS-OXDSCLI]), <Mailbox> of the SOAP one
// ([MS-OXWSADISC]); in JSON's, which has no body, the query or the end of the path. <LegacyDN> names a mailbox as only
// Exchange's directory knows it: no route source could look it up, so there is no hint in it, and the address beside it counts.
// Never throws.

import type { HttpRequest } from "../exchange.ts";
import { textOf, xmlText } from "../xml.ts";
import { addressText } from "./mailbox-text.ts";
import { parameterOf, percentDecoded, queryOf } from "./query.ts";

const LONGEST = 64 * 1024;
/** /autodiscover/autodiscover.json/v1.0/alice@example.com */
const JSON_PATH = /^\/autodiscover\/autodiscover\.json\/v\d{1,2}\.\d{1,2}\/([^/?]{1,1024})(?:\?|$)/i;

/** Outlook asks for one user; a SOAP request for several users goes where the first one lives. */
export function autodiscoverMailbox({ target }: HttpRequest, body: Buffer | undefined): string | undefined {
  return inBody(body) ?? addressText(parameterOf(queryOf(target), "email")) ?? inPath(target);
}

function inBody(body: Buffer | undefined): string | undefined {
  if (body === undefined || body.length === 0 || body.length > LONGEST) return undefined;
  const xml = xmlText(body);
  return addressText(textOf(xml, "EMailAddress")) ?? addressText(textOf(xml, "Mailbox"));
}

function inPath(target: string): string | undefined {
  const last = JSON_PATH.exec(target)?.[1];
  return last === undefined ? undefined : addressText(percentDecoded(last));
}
