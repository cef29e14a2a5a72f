// A verifier with a provider of one key, for tests.

import type { ExecutionContext } from "ava";
import type { JWTPayload } from "jose";
import type { Logger, TokenCredentials, Verifier } from "@postern/contracts";
import { SESSION } from "../../suite.ts";
import { createOauthVerifier } from "../index.ts";
import type { OauthSettings } from "../settings.ts";
import { handClock, startCanned, testKey, type CannedServer, type TestKey } from "./provider.ts";

export const NOW = Date.UTC(2026, 0, 1);
export const SECONDS = NOW / 1000;

const silent: Logger = { error() {}, warn() {}, info() {}, debug() {}, isDebug: () => false };

export interface Scene {
  readonly server: CannedServer;
  readonly key: TestKey;
  readonly clock: ReturnType<typeof handClock>;
  readonly verifier: Verifier;
  readonly claims: (more?: JWTPayload) => JWTPayload;
  readonly check: (credentials: TokenCredentials) => Promise<string | undefined>;
}

export const baseSettings = (issuer: string): OauthSettings => ({
  issuer,
  audience: ["mail", "imap"],
  scope: ["mail"],
  userClaim: "email",
  jwksUrl: undefined,
  introspectionUrl: undefined,
  clientId: undefined,
  clientSecretFile: undefined,
  algorithms: ["RS256", "ES256", "EdDSA"],
  clockSkew: 60_000,
  timeout: 5000,
  tls: { ca: undefined },
});

export function verifierOf(settings: OauthSettings, clock = handClock(NOW)): Verifier {
  return createOauthVerifier(settings, { clock, logger: silent, defaultDomain: "example.com" });
}

/** The provider stops with the test. */
export async function scene(
  t: ExecutionContext,
  settings: Partial<OauthSettings> | ((url: string) => Partial<OauthSettings>) = {},
  alg = "ES256",
): Promise<Scene> {
  const server = await startCanned();
  const key = await testKey("key-1", alg);
  server.answers.set("/.well-known/openid-configuration", [200, { issuer: server.url, jwks_uri: `${server.url}/keys` }]);
  server.answers.set("/keys", [200, { keys: [key.jwk] }]);
  const clock = handClock(NOW);
  const own = typeof settings === "function" ? settings(server.url) : settings;
  const verifier = verifierOf({ ...baseSettings(server.url), ...own }, clock);
  t.teardown(async () => {
    verifier.close();
    await server.stop();
  });
  return {
    server,
    key,
    clock,
    verifier,
    claims: (more = {}) => ({
      iss: server.url,
      aud: "mail",
      scope: "openid mail",
      email: "Alice@example.com",
      exp: SECONDS + 300,
      ...more,
    }),
    check: async (credentials) => (await verifier.check?.(credentials, SESSION))?.user,
  };
}
