// Who is behind a PDU, where that is in clear: the auth trailer ([MS-RPCE] section 2.2.2.11) and the names in NTLM's last message,
// bare or inside SPNEGO. Names are claims until the server has checked them. Failure: syntax.

import { toFailure } from "@postern/contracts";
import { isNtlmMessage, parseAuthenticate, readNegotiateToken } from "@postern/sasl";
import { AUTH_HEAD, headerOf } from "./header.ts";

/** Section 2.2.1.1.7. */
export const AUTH_TYPES = { none: 0, spnego: 9, ntlm: 10, schannel: 14, kerberos: 16, netlogon: 68 } as const;

/** Section 2.2.1.1.8. */
export const AUTH_LEVELS = { none: 1, connect: 2, call: 3, packet: 4, integrity: 5, privacy: 6 } as const;

export interface AuthTrailer {
  readonly type: number;
  readonly level: number;
  /** auth_context_id: which of the connection's logins it is of. */
  readonly context: number;
  readonly token: Buffer;
}

/** undefined: it has none. */
export function authTrailerOf(pdu: Buffer): AuthTrailer | undefined {
  const { length, authLength } = headerOf(pdu);
  if (authLength === 0) return undefined;
  const at = length - authLength - AUTH_HEAD;
  return {
    type: pdu.readUInt8(at),
    level: pdu.readUInt8(at + 1),
    context: pdu.readUInt32LE(at + 4),
    token: pdu.subarray(length - authLength, length),
  };
}

export interface NtlmUser {
  readonly user: string;
  readonly domain: string;
}

const LONGEST = 512;
/** They would be injected into logs. */
const FORBIDDEN = /[\p{Cc}\u2028\u2029]/u;
const TYPE_AT = 8;
const AUTHENTICATE = 3;

/** Whom the token claims to be. undefined: it is not NTLM's last message, nobody is named, or by no name that a log may see. */
export function ntlmUserOf(token: Buffer): NtlmUser | undefined {
  try {
    const message = ntlmMessageOf(token);
    if (message === undefined || message.length < TYPE_AT + 4 || message.readUInt32LE(TYPE_AT) !== AUTHENTICATE) return undefined;
    const { user, domain } = parseAuthenticate(message);
    const isName = user !== "" && [user, domain].every((text) => text.length <= LONGEST && !FORBIDDEN.test(text));
    return isName ? { user, domain } : undefined;
  } catch (error) {
    // The server judges the token. To us one that cannot be read only names nobody.
    if (toFailure(error).kind === "exchange-malformed") return undefined;
    throw error;
  }
}

function ntlmMessageOf(token: Buffer): Buffer | undefined {
  const read = readNegotiateToken(token);
  if (read.kind === "ntlm") return token;
  const inner = read.kind === "init" ? read.mechanismToken : read.kind === "response" ? read.token : undefined;
  return inner !== undefined && isNtlmMessage(inner) ? inner : undefined;
}
