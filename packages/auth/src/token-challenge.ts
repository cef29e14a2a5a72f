// What a client with a bad token is shown before the no: JSON as RFC 7628 section 3.2.2 has it for OAUTHBEARER, and the words
// that clients of XOAUTH2 know. Apps fetch a new token when they read it. Never throws.

/** `more` is what is known of the provider: scope, openid-configuration. */
export function tokenChallenge(mechanism: string, status: string, more: { scope?: string; configuration?: string } = {}): Buffer {
  const scope = more.scope === undefined || more.scope === "" ? {} : { scope: more.scope };
  const words =
    mechanism === "XOAUTH2"
      ? { status: "401", schemes: "bearer", ...scope }
      : { status, ...scope, ...(more.configuration !== undefined && { "openid-configuration": more.configuration }) };
  return Buffer.from(JSON.stringify(words));
}
