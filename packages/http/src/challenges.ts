// WWW-Authenticate values (RFC 9110 section 11.6.1): one for each scheme, strongest first. Basic says its charset
// (RFC 7617 section 2.1), Bearer what was wrong with the token (RFC 6750 section 3). Throws Error for a realm that cannot be
// written in a header; nothing of a client's gets into one.

import type { Failure, FailureKind } from "@postern/contracts";
import { SCHEMES, type Scheme } from "./authorization.ts";

export type BearerError = "invalid_request" | "invalid_token" | "insufficient_scope";

/** What a failure is called in a Bearer challenge. The others are nothing that the client could mend in its token. */
const BEARER_ERRORS: { readonly [K in FailureKind]?: BearerError } = {
  "exchange-malformed": "invalid_request",
  "wrong-credentials": "invalid_token",
  "unknown-user": "invalid_token",
  "credentials-expired": "invalid_token",
  "not-authorized": "insufficient_scope",
};

export interface ChallengeOptions {
  /** What the password is for: printable ASCII. */
  readonly realm: string;
  /** Why the request before was refused, when it came with a Bearer token. */
  readonly refused?: Failure | undefined;
}

/** The values for these schemes, in the order of SCHEMES. They say what a client could use, for a 401. */
export function challenges(offered: Iterable<Scheme>, { realm, refused }: ChallengeOptions): string[] {
  const all = new Set(offered);
  const named = `realm=${quoted(realm)}`;
  const rows: Record<Scheme, string> = {
    Negotiate: "Negotiate",
    NTLM: "NTLM",
    Bearer: `Bearer ${named}${bearerError(refused)}`,
    Basic: `Basic ${named}, charset="UTF-8"`,
  };
  return SCHEMES.filter((scheme) => all.has(scheme)).map((scheme) => rows[scheme]);
}

function bearerError(refused: Failure | undefined): string {
  const error = refused && BEARER_ERRORS[refused.kind];
  return error === undefined ? "" : `, error="${error}", error_description=${quoted(refused?.row.public ?? "")}`;
}

/** A quoted-string (RFC 9110 section 5.6.4). */
function quoted(text: string): string {
  if (!/^[\x20-\x7e]*$/.test(text)) throw new Error(`${JSON.stringify(text)} cannot be a realm; use printable ASCII`);
  return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}
