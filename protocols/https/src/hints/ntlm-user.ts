// Who says to log in with NTLM: user and domain stand in clear in its last message ([MS-NLMP] section 2.2.1.3), which is looked
// for wherever it stands in the token: in Negotiate SPNEGO is around it. It proves nothing. Never throws.

import { parseAuthenticate, type Authenticate } from "@postern/sasl";
import type { HttpRequest } from "../exchange.ts";
import { tokenOf } from "./authorization.ts";
import { accountText } from "./mailbox-text.ts";

/** As every NTLM message begins in base64, and the later tokens of SPNEGO: the large tickets of Kerberos are not decoded. */
const NTLM_START = "TlRMTVNTUA";
const SPNEGO_START = "o";
const LAST = Buffer.from("NTLMSSP\0\x03\0\0\0", "latin1");

export function ntlmUser(request: HttpRequest): string | undefined {
  const token = tokenOf(request, "ntlm") ?? tokenOf(request, "negotiate");
  if (token === undefined || !(token.startsWith(NTLM_START) || token.startsWith(SPNEGO_START))) return undefined;
  const message = lastMessage(Buffer.from(token, "base64"));
  return message === undefined || message === "broken" ? undefined : userOf(message);
}

export const userOf = ({ domain, user }: Authenticate): string | undefined => accountText(domain, user);

/** NTLM's last message in a token. undefined: there is none. */
export function lastMessage(token: Buffer): Authenticate | "broken" | undefined {
  const at = token.indexOf(LAST);
  if (at === -1) return undefined;
  try {
    return parseAuthenticate(token.subarray(at));
  } catch {
    // Whoever takes the login says so.
    return "broken";
  }
}
