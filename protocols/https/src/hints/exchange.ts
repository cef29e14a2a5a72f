// Where Exchange's protocols say whose mailbox they want: X-AnchorMailbox, MailboxId in the address of MAPI over HTTP
// ([MS-OXDSCLI] section 4.4), the server of RPC over HTTP, and the mailbox of somebody else in the path of Outlook on the web. Never throws.

import { firstOf } from "@postern/http";
import type { HttpRequest } from "../exchange.ts";
import { addressText } from "./mailbox-text.ts";
import { parameterOf, percentDecoded, queryOf } from "./query.ts";

/** What may stand before a mailbox; others (SID:, OID:, PUID: …) name what only Exchange can find. */
const PREFIXES: ReadonlySet<string> = new Set(["smtp", "upn", "mailboxguid", "mbxguid"]);

/** alice@example.com, SMTP:alice@example.com, or a mailbox's GUID at its domain. */
export function anchorMailbox({ fields }: HttpRequest): string | undefined {
  const value = firstOf(fields, "x-anchormailbox");
  if (value === undefined) return undefined;
  const colon = value.indexOf(":");
  if (colon === -1) return addressText(utf8(value));
  return PREFIXES.has(value.slice(0, colon).trim().toLowerCase()) ? addressText(utf8(value.slice(colon + 1))) : undefined;
}

/** Fields are octets; a name beyond ASCII is UTF-8, and where it is not, latin1. */
function utf8(value: string): string {
  if (!/[\x80-\xff]/.test(value)) return value;
  const decoded = Buffer.from(value, "latin1").toString("utf8");
  return decoded.includes("\uFFFD") ? value : decoded;
}

/** /mapi/emsmdb/?MailboxId=GUID@example.com */
export function mailboxId({ target }: HttpRequest): string | undefined {
  return addressText(parameterOf(queryOf(target), "mailboxid"));
}

/** /rpc/rpcproxy.dll?GUID@example.com:6001 ([MS-RPCH] section 2.1.2.1.1). */
export function rpcServer({ target }: HttpRequest): string | undefined {
  return addressText(percentDecoded(queryOf(target).replace(/:\d{1,6}$/, "")));
}

/** /owa/alice@example.com/…: the second segment of the path. */
export function explicitLogon({ target }: HttpRequest): string | undefined {
  const from = target.indexOf("/", 1) + 1;
  if (from === 0) return undefined;
  const mark = target.indexOf("?");
  const path = mark === -1 ? target : target.slice(0, mark);
  const slash = path.indexOf("/", from);
  const address = addressText(percentDecoded(path.slice(from, slash === -1 ? undefined : slash)));
  return address === undefined || /[/\\]/.test(address) ? undefined : address;
}
