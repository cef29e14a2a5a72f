// Asks the provider about a token (RFC 7662): whether it is good now, whose it is, for whom and with which scopes. Throws
// Refusal, and Failure verifier-down, also when the provider does not take the gateway's own name or secret.

import { Failure } from "@postern/contracts";
import { Refusal, type Facts } from "./claims.ts";
import type { JwtRules } from "./jwt.ts";
import { errorCode, type OauthClient, type OauthServer } from "./oauth-server.ts";

export interface Introspection {
  readonly server: OauthServer;
  readonly client: OauthClient;
}

/** The claims of a good token. `now`: milliseconds of the wall clock. */
export async function introspect(token: string, { server, client }: Introspection, rules: JwtRules, now: number): Promise<Facts> {
  const answer = await server.post({ token, token_type_hint: "access_token" }, client);
  if (answer.status !== 200)
    throw new Failure("verifier-down", `the introspection endpoint refuses the gateway: ${errorCode(answer)}`);
  checkFacts(answer.facts, rules, now);
  return answer.facts;
}

function checkFacts({ active, iss, aud, exp, nbf }: Facts, { issuer, audience, clockSkew }: JwtRules, now: number): void {
  if (active !== true) throw new Refusal("the provider says that the token is not active");
  if (iss !== undefined && iss !== issuer) throw new Refusal("the token is of another issuer");
  const names: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  if (!audience.some((name) => names.includes(name))) throw new Refusal("the token is for another audience");
  if (exp !== undefined && !(Number(exp) * 1000 > now - clockSkew)) throw new Refusal("the token has expired");
  if (nbf !== undefined && !(Number(nbf) * 1000 <= now + clockSkew)) throw new Refusal("the token is not valid yet");
}
