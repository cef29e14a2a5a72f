// The settings of the verifier `oauth`.

import { setting, type ValueOf } from "@postern/contracts";

const URL_PATTERN = { pattern: /^https?:\/\/\S+$/, like: "an http:// or https:// URL" };

/** Signatures by a private key only: with `none` or a shared secret anybody could sign who can read the public key. */
const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"] as const;

export const oauthSettings = setting.group("Bearer tokens of an OpenID provider, signed (JWT) or asked about (RFC 7662).", {
  issuer: setting.text("The provider, as its tokens name it (iss). Tokens of other issuers are left to the next verifier.", {
    ...URL_PATTERN,
  }),
  audience: setting.list("For whom tokens must be (aud): any one of these names.", setting.text("A name or client ID."), {
    single: true,
  }),
  scope: setting.list("The scopes that a token must have, all of them.", setting.text("A scope."), { single: true }),
  userClaim: setting.text(
    "The claim that names the user. Choose one that users cannot change themselves: email counts only when the provider does not say that it is unverified.",
    { default: "email", pattern: /^\S{1,128}$/, like: "the name of a claim" },
  ),
  jwksUrl: setting.text("Where the provider's keys are; without it the issuer's discovery document tells.", {
    optional: true,
    ...URL_PATTERN,
  }),
  introspectionUrl: setting.text(
    "Where to ask about tokens that are no JWTs; without jwksUrl every token is asked about, so that those taken back are refused at once.",
    { optional: true, ...URL_PATTERN },
  ),
  clientId: setting.text("Who the gateway is at the introspection endpoint.", { optional: true }),
  clientSecretFile: setting.path("A file whose first line is the gateway's secret there.", { optional: true }),
  algorithms: setting.list("The signature algorithms that are taken.", setting.choice("A JWS algorithm.", ALGORITHMS), {
    default: ALGORITHMS,
  }),
  clockSkew: setting.duration("By how much the provider's clock may differ.", { default: 60_000, min: 0, max: 300_000 }),
  timeout: setting.duration("How long the provider may take to answer.", { default: 5000, min: 100, max: 60_000 }),
  tls: setting.group("TLS to the provider.", {
    ca: setting.path("PEM file of the authorities to trust instead of the system's.", { optional: true }),
  }),
});

export type OauthSettings = ValueOf<typeof oauthSettings>;
