// Login strategy oauth: a bearer token for the backend. Only for users whom the gateway has checked. With a tokenUrl:
//   a client's token     is exchanged for one for the backend (RFC 8693, subject_token);
//   any other proof      (password, Kerberos, certificate …): the gateway asks in its own name for a token of that user, with
//                        requested_subject and no subject_token. Keycloak calls that direct naked impersonation: its legacy
//                        token exchange must be on, the gateway's client must have the right to impersonate, and user
//                        names there must be those of the gateway. Plain RFC 8693 has nothing for it.
// Without a tokenUrl a client's own token is passed on, and nobody else can log in. Tried with Dovecot 2.3: an oauth2 passdb
// compares the user name with the token's, which is what keeps a token out of another mailbox at the backend.
// Tokens are kept in memory only, until shortly before they expire. Never logs a token.
//
// Throws, when it is built, Error "KEY: sentence". Failure: not-authorized (nobody has checked the user, or the token
// endpoint refuses that user), backend-mechanism, verifier-down (no token to be had now).

import { createHash } from "node:crypto";
import { Failure, Secret, type BackendLogin, type Credentials, type Identity, type LoginSettings } from "@postern/contracts";
import { authorities, errorCode, OauthServer, type FormAnswer } from "../oauth/oauth-server.ts";
import { quoted } from "../quoted.ts";
import { needed, requireChecked } from "./checked.ts";
import type { LoginContext } from "./index.ts";
import { SecretFile } from "./secret-file.ts";
import { TokenCache, type Token } from "./token-cache.ts";

const TIMEOUT_MS = 5000;
const GRANT = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
/** RFC 6750: what a bearer token may consist of. */
const TOKEN = /^[A-Za-z0-9\-._~+/]{1,16384}=*$/;
/** The endpoint has nothing against the user: the gateway's own settings are wrong. */
const OURS = new Set(["invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope", "invalid_target"]);

export function createOauth(settings: LoginSettings, context: LoginContext): BackendLogin {
  return settings.tokenUrl === undefined ? passOn() : mint(settings, settings.tokenUrl, context);
}

/** OAUTHBEARER, or XOAUTH2 where the backend has only that. */
const bearer = ({ user }: Identity, token: Buffer) =>
  ({ kind: "token", mechanism: "OAUTHBEARER", authcid: user, authzid: "", secret: new Secret(token) }) as const;

function passOn(): BackendLogin {
  return {
    strategy: "oauth",
    async present(credentials, identity) {
      requireChecked("oauth", credentials, identity);
      if (credentials.kind === "token") return bearer(identity, Buffer.from(credentials.secret.reveal()));
      throw new Failure(
        "backend-mechanism",
        `${credentials.mechanism} brings no token, and login: oauth has no tokenUrl to get one`,
      );
    },
    close() {},
  };
}

function mint(settings: LoginSettings, tokenUrl: string, { clock }: LoginContext): BackendLogin {
  const options = { ca: authorities("ca", settings.ca), timeoutMs: TIMEOUT_MS, clock };
  const id = needed(settings, "clientId");
  const server = new OauthServer("tokenUrl", tokenUrl, options);
  const client = { id, secret: new SecretFile("clientSecretFile", needed(settings, "clientSecretFile")) };
  const cache = new TokenCache(clock);
  return {
    strategy: "oauth",
    async present(credentials, identity) {
      requireChecked("oauth", credentials, identity);
      const ask = async (): Promise<Token> =>
        tokenIn(await server.post(formOf(settings, credentials, identity), client), identity);
      return bearer(identity, await cache.get(keyOf(credentials, identity), ask));
    },
    close() {
      server.close();
      client.secret.close();
      cache.clear();
    },
  };
}

/** A token that came of another token may do no more than that one: it is kept for who brings the same again. */
function keyOf({ kind, secret }: Credentials, { user }: Identity): string {
  const subject = kind === "token" ? createHash("sha256").update(secret.reveal()).digest("base64") : "";
  return `${subject} ${user}`;
}

function formOf(
  { audience, scope }: LoginSettings,
  { kind, secret }: Credentials,
  { user }: Identity,
): Readonly<Record<string, string>> {
  const subject =
    kind === "token"
      ? { subject_token: secret.reveal().toString("latin1"), subject_token_type: ACCESS_TOKEN }
      : { requested_subject: user };
  return {
    grant_type: GRANT,
    ...subject,
    requested_token_type: ACCESS_TOKEN,
    ...(audience !== undefined && { audience }),
    ...(scope !== undefined && { scope }),
  };
}

/** RFC 8693 section 2.2. Failure: not-authorized, verifier-down. */
function tokenIn(answer: FormAnswer, { user }: Identity): Token {
  const { status, facts } = answer;
  if (status !== 200) {
    const code = errorCode(answer);
    if (status === 401 || status === 404 || OURS.has(code))
      throw new Failure("verifier-down", `the token endpoint refuses the gateway: ${code}`);
    throw new Failure("not-authorized", `the token endpoint has no token for ${quoted(user)}: ${code}`);
  }
  const { access_token: token, token_type: type, expires_in: seconds } = facts;
  if (typeof token !== "string" || !TOKEN.test(token) || String(type).toLowerCase() !== "bearer")
    throw new Failure("verifier-down", "the token endpoint has sent no bearer token");
  return { token: Buffer.from(token), lifeMs: typeof seconds === "number" && seconds > 0 ? seconds * 1000 : 0 };
}
