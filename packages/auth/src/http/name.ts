// The name that a login is about, before anybody is asked. Throws Failure wrong-credentials.

import { Failure, normaliseUser, type PasswordCredentials, type TokenCredentials } from "@postern/contracts";
import { quoted } from "../quoted.ts";

/** The normalised name; "" for a token without one, which only the server can tell. */
export function normalisedOrEmpty(
  { kind, authcid }: PasswordCredentials | TokenCredentials,
  defaultDomain: string | undefined,
): string {
  if (kind === "token" && authcid === "") return "";
  const user = normaliseUser(authcid, defaultDomain);
  if (user === undefined) throw new Failure("wrong-credentials", `no user has the name ${quoted(authcid)}`);
  return user;
}
