// What a token says (RFC 7519, RFC 9068), once it is known to be the provider's: who, for whom, with which scopes. Throws
// Refusal, whose status is that of RFC 6750 section 3.1; its reason never holds the token.

import { shown, type Facts } from "@postern/lookup";

export type { Facts };

/** Why a token is refused. */
export class Refusal extends Error {
  readonly status: "invalid_token" | "insufficient_scope";

  constructor(reason: string, status: Refusal["status"] = "invalid_token") {
    super(reason);
    this.status = status;
  }
}

const list = (value: unknown): string[] => {
  if (typeof value === "string") return value.split(" ").filter(Boolean);
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
};

/** `scope` (RFC 9068), or `scp` as Entra ID and AD FS write it. */
export function checkScope(claims: Facts, wanted: readonly string[]): void {
  const given = new Set([...list(claims["scope"]), ...list(claims["scp"])]);
  const missing = wanted.find((scope) => !given.has(scope));
  if (missing !== undefined) throw new Refusal(`the token has not the scope ${missing}`, "insufficient_scope");
}

/** Keycloak's mark of what is no access token. */
const OTHER_TOKENS = new Set(["ID", "Refresh", "Offline", "Logout"]);

/** The user in the claim. An e-mail address that anybody may have typed in is nobody's name. */
export function userIn(claims: Facts, userClaim: string): string {
  const kind = claims["typ"];
  if (typeof kind === "string" && OTHER_TOKENS.has(kind)) throw new Refusal(`it is no access token, but typ ${kind}`);
  const user = Object.hasOwn(claims, userClaim) ? claims[userClaim] : undefined;
  if (typeof user !== "string" || user === "") throw new Refusal(`the token has no claim ${userClaim} that names a user`);
  const verified = claims["email_verified"];
  if (userClaim === "email" && (verified === false || verified === "false"))
    throw new Refusal(`the provider has not verified the address ${shown(user)}`);
  return user;
}
