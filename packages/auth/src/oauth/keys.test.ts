import test from "ava";
import { failureOf } from "../suite.ts";
import { bearer, signed, testKey } from "./test/provider.ts";
import { scene } from "./test/scene.ts";

const HOURS = Date.UTC(2026, 0, 2) / 1000;

test("oauth: fetches the keys once, and again for a key that it does not know, but not for every stranger", async (t) => {
  const { server, key, clock, claims, check } = await scene(t);
  const fetched = (): number => server.asked.filter(({ path }) => path === "/keys").length;
  const token = await signed(key, claims());
  await Promise.all([check(bearer(token)), check(bearer(token)), check(bearer(token))]);
  t.is(fetched(), 1);
  const rotated = await testKey("key-2");
  server.answers.set("/keys", [200, { keys: [rotated.jwk] }]);
  const stranger = await signed(await testKey("../../../etc/passwd"), claims());
  t.is((await failureOf(t, check(bearer(stranger)))).kind, "wrong-credentials");
  t.is(fetched(), 1);
  clock.move(30_001);
  t.is(await check(bearer(await signed(rotated, claims()))), "Alice@example.com");
  t.is(fetched(), 2);
  for (let i = 0; i < 20; i += 1) await failureOf(t, check(bearer(stranger)));
  t.is(fetched(), 2);
  t.is((await failureOf(t, check(bearer(token)))).kind, "wrong-credentials");
});

test("oauth: a key that the provider has taken back stops working", async (t) => {
  const { server, key, clock, claims, check } = await scene(t);
  const token = await signed(key, claims({ exp: HOURS }));
  await check(bearer(token));
  server.answers.set("/keys", [200, { keys: [(await testKey("key-2")).jwk] }]);
  clock.move(600_001);
  t.is((await failureOf(t, check(bearer(token)))).kind, "wrong-credentials");
});

test("oauth: with known keys a provider that is down does no harm, but nobody is called wrong for an unknown key", async (t) => {
  const { server, key, clock, claims, check } = await scene(t);
  const token = await signed(key, claims({ exp: HOURS }));
  await check(bearer(token));
  server.answers.set("/keys", "drop");
  for (const ms of [30_001, 600_001, 1, 30_001]) {
    clock.move(ms);
    t.is(await check(bearer(token)), "Alice@example.com");
  }
  const other = await signed(await testKey("key-2"), claims({ exp: HOURS }));
  t.is((await failureOf(t, check(bearer(other)))).kind, "verifier-down");
});

for (const [what, answer] of Object.entries({
  "is down": "drop",
  "answers with an error": [500, {}],
  "sends no JSON": [200, "<html>"],
  "has no keys": [200, { keys: [] }],
  "has a key set that is none": [200, { keys: "all" }],
  "has shared secrets only": [200, { keys: [{ kty: "oct", k: "c2VjcmV0", kid: "key-1", alg: "HS256" }, null, 7] }],
  "sends more than 64 kB": [200, { keys: [], padding: "x".repeat(70_000) }],
  redirects: [302, ""],
} as const)) {
  test(`oauth: without keys, when the provider ${what}, the verifier is down, and well again soon after the provider is`, async (t) => {
    const { server, key, clock, claims, check } = await scene(t);
    const good = server.answers.get("/keys") ?? "drop";
    server.answers.set("/keys", answer);
    const token = await signed(key, claims());
    t.is((await failureOf(t, check(bearer(token)))).kind, "verifier-down");
    t.is((await failureOf(t, check(bearer(token)))).kind, "verifier-down");
    t.is(server.asked.filter(({ path }) => path === "/keys").length, 1);
    server.answers.set("/keys", good);
    clock.move(5001);
    t.is(await check(bearer(token)), "Alice@example.com");
  });
}

test("oauth: a provider that never answers is down", async (t) => {
  const { server, key, claims, check } = await scene(t, { timeout: 100 });
  server.answers.set("/keys", "hang");
  t.is((await failureOf(t, check(bearer(await signed(key, claims()))))).kind, "verifier-down");
});

test("oauth: a discovery document of another issuer, or with keys in clear elsewhere, is not used", async (t) => {
  for (const issuer of ["https://evil.example", undefined, null]) {
    const { server, key, claims, check } = await scene(t);
    server.answers.set("/.well-known/openid-configuration", [200, { issuer, jwks_uri: `${server.url}/keys` }]);
    t.is((await failureOf(t, check(bearer(await signed(key, claims()))))).kind, "verifier-down");
  }
  const { server, key, claims, check } = await scene(t);
  server.answers.set("/.well-known/openid-configuration", [200, { issuer: server.url, jwks_uri: "http://192.0.2.1/keys" }]);
  const failure = await failureOf(t, check(bearer(await signed(key, claims()))));
  t.is(failure.kind, "verifier-down");
  t.regex(failure.message, /jwks_uri: .*in clear/);
});
