// Verifier oauth: bearer tokens (XOAUTH2, OAUTHBEARER) of one OpenID provider. A JWT is checked here with the provider's
// keys; any other token, or all of them, is asked about. The name that the client says must be the token's own. Tokens of
// another issuer are left to the next verifier. Never logs a token.
//
// Throws, when it is built, Error "KEY: sentence". Failure: wrong-credentials, with the challenge of RFC 7628 section 3.2.2
// for the client; verifier-down when provider or keys cannot be had.

import { Failure, normaliseUser, type TokenCredentials, type Verifier, type Verdict } from "@postern/contracts";
import { SecretFile } from "../login/secret-file.ts";
import { quoted } from "../quoted.ts";
import { tokenChallenge } from "../token-challenge.ts";
import type { VerifierContext } from "../verifiers.ts";
import { checkScope, Refusal, userIn, type Facts } from "./claims.ts";
import { introspect, type Introspection } from "./introspection.ts";
import { checkJwt, claimedIssuer } from "./jwt.ts";
import { discoveryUrl, ProviderKeys } from "./keys.ts";
import { authorities, OauthServer, type OauthServerOptions } from "./oauth-server.ts";
import type { OauthSettings } from "./settings.ts";

/** Characters; providers stay far below. */
const LONGEST_TOKEN = 16 * 1024;

export function createOauthVerifier(settings: OauthSettings, { clock, logger, defaultDomain }: VerifierContext): Verifier {
  const { issuer, audience, scope, userClaim, jwksUrl, timeout } = settings;
  if (audience.length === 0)
    throw new Error("audience: is empty, so tokens for any other service would open mailboxes; name whom they are for");
  if (settings.algorithms.length === 0) throw new Error("algorithms: is empty; name one, or take the key out");
  const server = { ca: authorities("tls.ca", settings.tls.ca), timeoutMs: timeout, clock };
  const introspection = introspectionOf(settings, server);
  const asksAll = introspection !== undefined && jwksUrl === undefined;
  const keys = asksAll ? undefined : new ProviderKeys({ ...server, issuer, jwksUrl, logger });

  /** The claims of a good token; undefined for one that is not of this issuer. */
  async function claimsOf(token: string): Promise<Facts | undefined> {
    const jwt = token.length > LONGEST_TOKEN ? undefined : claimedIssuer(token);
    if (token.length > LONGEST_TOKEN) throw new Refusal(`the token is longer than ${LONGEST_TOKEN} characters`);
    if (jwt !== undefined && jwt.issuer !== issuer) return undefined;
    if (jwt !== undefined && keys !== undefined) return checkJwt(token, keys, settings, clock.now());
    return introspection === undefined ? undefined : introspect(token, introspection, settings, clock.now());
  }

  async function verdictOf({ authcid, secret }: TokenCredentials): Promise<Verdict | undefined> {
    const claims = await claimsOf(secret.reveal().toString("latin1"));
    if (claims === undefined) return undefined;
    const user = userIn(claims, userClaim);
    checkScope(claims, scope);
    const name = normaliseUser(user, defaultDomain);
    // What normalisation would cut or compose is another name at the provider, where somebody else may have taken it.
    if (name === undefined || user.trim().normalize("NFC") !== user) throw new Refusal(`no user has the name ${quoted(user)}`);
    if (authcid !== "" && normaliseUser(authcid, defaultDomain) !== name)
      throw new Refusal(`the token is that of ${quoted(name)}, and ${quoted(authcid)} is somebody else`);
    return { user, ...(typeof claims["exp"] === "number" && { until: claims["exp"] * 1000 }) };
  }

  return {
    name: `oauth ${issuer}`,
    proves: ["token"],
    async check(credentials) {
      if (credentials.kind !== "token") return undefined;
      try {
        return await verdictOf(credentials);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        const more = { scope: scope.join(" "), configuration: discoveryUrl(issuer) };
        const challenge = tokenChallenge(credentials.mechanism, error.status, more);
        throw new Failure("wrong-credentials", `token of ${issuer}: ${error.message}`, { challenge });
      }
    },
    close() {
      keys?.close();
      introspection?.server.close();
      introspection?.client.secret.close();
    },
  };
}

function introspectionOf(
  { introspectionUrl, clientId, clientSecretFile }: OauthSettings,
  options: OauthServerOptions,
): Introspection | undefined {
  if (introspectionUrl === undefined) return undefined;
  if (clientId === undefined) throw new Error("clientId: introspectionUrl needs the name that the gateway has there");
  if (clientSecretFile === undefined) throw new Error("clientSecretFile: introspectionUrl needs the gateway's secret there");
  const server = new OauthServer("introspectionUrl", introspectionUrl, options);
  return { server, client: { id: clientId, secret: new SecretFile("clientSecretFile", clientSecretFile) } };
}
