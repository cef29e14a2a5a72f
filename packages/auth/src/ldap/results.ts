// What a server's result code says of a password (RFC 4511 section 4.1.9 and appendix A). A code that is not about the user
// is a server that cannot be asked. Active Directory says 49 for many things and the reason in its words ("data 52e"). What
// can be had without the right password is a wrong password, so that nobody learns which accounts exist.
// Throws nothing. A reason holds codes, never the server's words: those may quote what was sent.

import { Failure, type FailureKind } from "@postern/contracts";
import type { LdapResult } from "./messages.ts";

export const SUCCESS = 0;
export const SIZE_LIMIT_EXCEEDED = 4;
const COMPARE_FALSE = 5;
const COMPARE_TRUE = 6;
const INVALID_CREDENTIALS = 49;

interface Row {
  readonly means: string;
  readonly kind: FailureKind;
}

const wrong = (means: string): Row => ({ means, kind: "wrong-credentials" });
const barred = (means: string): Row => ({ means, kind: "not-authorized" });
const expired = (means: string): Row => ({ means, kind: "credentials-expired" });
const down = (means: string): Row => ({ means, kind: "verifier-down" });

/** Of a bind. */
const BIND: ReadonlyMap<number, Row> = new Map([
  [8, down("the server wants a stronger bind; use TLS")],
  [10, down("the entry is on another server; referrals are not followed")],
  [13, down("the server wants TLS")],
  [19, wrong("a constraint of the server, such as too many attempts")],
  [32, wrong("there is no such entry")],
  [34, down("the server does not take the name for one; look at dnTemplate")],
  [48, wrong("the entry has no password")],
  [INVALID_CREDENTIALS, wrong("wrong name or password")],
  [50, barred("the entry may not log in")],
  [51, down("the server is busy")],
  [52, down("the server is unavailable")],
  [53, down("the server is unwilling")],
]);

/** Of a comparison with the password. */
const COMPARE: ReadonlyMap<number, Row> = new Map([
  [COMPARE_FALSE, wrong("the value differs")],
  [16, wrong("the entry has no such attribute")],
  [32, wrong("there is no such entry")],
  [50, down("bindDn may not compare the attribute")],
]);

/** Active Directory's own codes within 49. */
const ACTIVE_DIRECTORY: ReadonlyMap<string, Row> = new Map([
  ["525", wrong("no such user")],
  ["52e", wrong("wrong password")],
  ["530", barred("not at this hour")],
  ["531", barred("not from this machine")],
  ["532", expired("the password has expired")],
  ["533", barred("the account is disabled")],
  ["701", barred("the account has expired")],
  ["773", expired("the password must be changed")],
  ["775", wrong("the account is locked")],
]);

function failure(step: string, code: number, row: Row | undefined, detail = ""): Failure {
  const { kind, means } = row ?? down("a result that says nothing of the user");
  return new Failure(kind, `${step}: code ${code}${detail} (${means})`);
}

/** undefined: the password is right. */
export function bindFailure({ code, text }: LdapResult): Failure | undefined {
  if (code === SUCCESS) return undefined;
  const data = code === INVALID_CREDENTIALS ? /\bdata ([0-9a-f]{3,8})\b/i.exec(text)?.[1]?.toLowerCase() : undefined;
  const row = data === undefined ? undefined : ACTIVE_DIRECTORY.get(data);
  if (row !== undefined) return failure("bind", code, row, ` data ${data}`);
  return failure("bind", code, BIND.get(code));
}

/** undefined: the value is right. */
export function compareFailure({ code }: LdapResult): Failure | undefined {
  return code === COMPARE_TRUE ? undefined : failure("compare", code, COMPARE.get(code));
}
