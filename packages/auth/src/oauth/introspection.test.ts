import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import type { Verifier } from "@postern/contracts";
import { failureOf } from "../suite.ts";
import type { OauthSettings } from "./settings.ts";
import { bearer, signed } from "./test/provider.ts";
import { baseSettings, scene, SECONDS, verifierOf, type Scene } from "./test/scene.ts";

const folder = mkdtempSync(join(tmpdir(), "postern-oauth-"));
const clientSecretFile = join(folder, "client.secret");
writeFileSync(clientSecretFile, "s3cret/of the gateway\n", { mode: 0o600 });
test.after.always(() => rmSync(folder, { recursive: true }));

const CLIENT = { clientId: "gate:way", clientSecretFile };

/** A scene whose provider says this of any token. */
async function asked(t: ExecutionContext, answer: unknown, status = 200): Promise<Scene> {
  const made = await scene(t, (url) => ({ ...CLIENT, introspectionUrl: `${url}/introspect`, userClaim: "username" }));
  made.server.answers.set("/introspect", [status, answer]);
  return made;
}

const ACTIVE = { active: true, username: "alice", aud: ["mail"], scope: "mail", exp: SECONDS + 60 };

test("oauth: asks about any token when there is no jwksUrl, in its own name", async (t) => {
  const { server, key, claims, check } = await asked(t, ACTIVE);
  t.is(await check(bearer("opaque+/=", "alice")), "alice");
  const jwt = await signed(key, claims());
  t.is(await check(bearer(jwt)), "alice");
  t.deepEqual(
    server.asked.map(({ path, form }) => [path, form["token"], form["token_type_hint"]]),
    [
      ["/introspect", "opaque+/=", "access_token"],
      ["/introspect", jwt, "access_token"],
    ],
  );
  const basic = Buffer.from(server.asked[0]?.authorization?.slice("Basic ".length) ?? "", "base64").toString();
  t.is(basic, "gate%3Away:s3cret%2Fof%20the%20gateway");
  t.is(await check(bearer(await signed(key, claims({ iss: "https://other.example" })))), undefined);
  t.is(server.asked.length, 2);
});

for (const [what, change] of Object.entries({
  "is not active": { active: false },
  "is active in another word": { active: "true" },
  "is of another issuer": { iss: "https://evil.example" },
  "is for another audience": { aud: "files" },
  "is for nobody": { aud: undefined },
  "has expired": { exp: SECONDS - 61 },
  "has an end that is no number": { exp: "soon" },
  "is not valid yet": { nbf: SECONDS + 61 },
  "has not the scope": { scope: "openid" },
  "has no user": { username: undefined },
})) {
  test(`oauth: refuses a token that, as the provider says, ${what}`, async (t) => {
    const { check } = await asked(t, { ...ACTIVE, ...change });
    const failure = await failureOf(t, check(bearer("opaque", "alice")));
    t.is(failure.kind, "wrong-credentials");
    t.truthy(failure.challenge);
  });
}

test("oauth: a provider that refuses the gateway, or makes no sense, is down", async (t) => {
  for (const [status, body] of [
    [401, { error: "invalid_client", error_description: "opaque" }],
    [403, "<html>opaque"],
    [429, {}],
    [503, {}],
    [200, "yes"],
    [200, []],
    [302, ""],
  ] as const) {
    const { check } = await asked(t, body, status);
    const failure = await failureOf(t, check(bearer("opaque", "alice")));
    t.is(failure.kind, "verifier-down", String(status));
    t.notRegex(failure.message, /opaque|s3cret/);
  }
});

test("oauth: settings that contradict themselves are refused with their key", (t) => {
  const make = (more: Partial<OauthSettings>) => (): Verifier =>
    verifierOf({ ...baseSettings("https://id.example.com"), ...more });
  t.throws(make({ audience: [] }), { message: /^audience: / });
  t.throws(make({ algorithms: [] }), { message: /^algorithms: / });
  t.throws(make({ issuer: "http://id.example.com" }), { message: /^issuer: .*in clear/ });
  t.throws(make({ jwksUrl: "http://id.example.com/keys" }), { message: /^jwksUrl: .*in clear/ });
  t.throws(make({ ...CLIENT, introspectionUrl: "http://id.example.com/" }), { message: /^introspectionUrl: .*in clear/ });
  t.throws(make({ clientSecretFile, introspectionUrl: "https://id.example.com/" }), { message: /^clientId: / });
  t.throws(make({ clientId: "x", introspectionUrl: "https://id.example.com/" }), { message: /^clientSecretFile: / });
  t.throws(make({ ...CLIENT, clientSecretFile: "/nonexistent", introspectionUrl: "https://id.example.com/" }), {
    message: /^clientSecretFile: /,
  });
  t.throws(make({ tls: { ca: "/nonexistent" } }), { message: /^tls\.ca: / });
});
