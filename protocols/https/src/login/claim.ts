// Whose secret an Authorization claims to have, for the guard: the name and the password of Basic, the name of Digest, the name
// in NTLM's last message ([MS-NLMP] section 2.2.1.3), also inside of Negotiate. It proves nothing, and it is read as a lenient
// backend would read it, so that no odd spelling goes uncounted. Never throws; never logs.

import { Secret, type Credentials } from "@postern/contracts";
import { lastMessage, userOf } from "../hints/ntlm-user.ts";
import { schemeOf } from "./connection-bound.ts";

/** undefined: nothing that could be a guess (a token, a ticket, a first message, no login at all). */
export function claimOf(authorization: string): Credentials | undefined {
  const scheme = schemeOf(authorization);
  const token = (): Buffer => Buffer.from(authorization.slice(scheme.length).trim(), "base64");
  if (scheme === "basic") return basicClaim(token());
  if (scheme === "digest") return opaqueClaim("Digest", /\busername="?([^",]*)/i.exec(authorization)?.[1] ?? "");
  if (scheme !== "ntlm" && scheme !== "negotiate") return undefined;
  const name = lastNtlmName(token());
  return name === undefined ? undefined : opaqueClaim("NTLM", name);
}

/** What was guessed cannot be seen. */
function opaqueClaim(mechanism: string, name: string): Credentials {
  return { kind: "proven", mechanism, authcid: name, authzid: "", user: name, secret: new Secret("") };
}

const COLON = 0x3a;

function basicClaim(bytes: Buffer): Credentials {
  const colon = bytes.indexOf(COLON);
  const end = colon === -1 ? bytes.length : colon;
  const secret = new Secret(bytes.subarray(end + 1));
  return { kind: "password", mechanism: "Basic", authcid: bytes.toString("utf8", 0, end), authzid: "", secret };
}

/** The name in NTLM's last message; undefined: there is none, or nobody's (without an answer to the challenge). */
function lastNtlmName(token: Buffer): string | undefined {
  const message = lastMessage(token);
  if (message === undefined) return undefined;
  // A backend may read what we cannot: it counts, as nobody's.
  if (message === "broken") return "";
  return message.ntResponse.length === 0 && message.lmResponse.length < 2 ? undefined : (userOf(message) ?? "");
}
