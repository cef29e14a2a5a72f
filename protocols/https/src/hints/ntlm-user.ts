// Who says to log in with NTLM: user and domain stand in clear in its last message ([MS-NLMP] section 2.2.1.3), also inside of
// SPNEGO. Only these two fields are read; the messages are checked by who takes the login. Never throws.

import { isNtlmMessage, readNegotiateToken } from "@postern/sasl";
import type { HttpRequest } from "../parts.ts";
import { tokenOf } from "./authorization.ts";
import { accountText } from "./mailbox-text.ts";

const AUTHENTICATE = 3;
const TYPE_AT = 8;
const DOMAIN_AT = 28;
const USER_AT = 36;
const FLAGS_AT = 60;
const HEADER = 64;
const UNICODE = 0x1;

/** As every NTLM message begins in base64, and the later tokens of SPNEGO: the large tickets of Kerberos are not decoded. */
const NTLM_START = "TlRMTVNTUA";
const SPNEGO_START = "o";

export function ntlmUser(request: HttpRequest): string | undefined {
  const token = tokenOf(request, "ntlm") ?? tokenOf(request, "negotiate");
  if (token === undefined || !(token.startsWith(NTLM_START) || token.startsWith(SPNEGO_START))) return undefined;
  const message = messageIn(Buffer.from(token, "base64"));
  return message === undefined ? undefined : userOf(message);
}

function messageIn(token: Buffer): Buffer | undefined {
  if (isNtlmMessage(token)) return token;
  try {
    const read = readNegotiateToken(token);
    return read.kind === "response" && read.token !== undefined && isNtlmMessage(read.token) ? read.token : undefined;
  } catch {
    // No SPNEGO: whoever takes the login says so.
    return undefined;
  }
}

function userOf(message: Buffer): string | undefined {
  if (message.length < HEADER || message.readUInt32LE(TYPE_AT) !== AUTHENTICATE) return undefined;
  const charset = (message.readUInt32LE(FLAGS_AT) & UNICODE) === 0 ? "latin1" : "utf16le";
  const domain = textAt(message, DOMAIN_AT, charset);
  const user = textAt(message, USER_AT, charset);
  return domain === undefined || user === undefined ? undefined : accountText(domain, user);
}

/** Length u16, maximum u16, offset u32. undefined: it points outside of the message. */
function textAt(message: Buffer, place: number, charset: "latin1" | "utf16le"): string | undefined {
  const length = message.readUInt16LE(place);
  const at = message.readUInt32LE(place + 4);
  if (length === 0) return "";
  return at < HEADER || at + length > message.length ? undefined : message.subarray(at, at + length).toString(charset);
}
