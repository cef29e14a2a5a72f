import test from "ava";
import { base64url, SignJWT, UnsecuredJWT, type JWTPayload } from "jose";
import * as fc from "fast-check";
import { Failure } from "@postern/contracts";
import { failureOf, password, SESSION } from "../suite.ts";
import { bearer, signed, testKey } from "./test/provider.ts";
import { scene, SECONDS, type Scene } from "./test/scene.ts";

for (const alg of ["ES256", "RS256", "EdDSA"]) {
  test(`oauth: takes a token of the issuer, signed with ${alg}, whoever the client says it is: the same, or nobody`, async (t) => {
    const { key, claims, check } = await scene(t, {}, alg);
    const token = await signed(key, claims());
    for (const name of ["alice", "ALICE@Example.com", " alice@example.com ", ""])
      t.is(await check(bearer(token, name)), "Alice@example.com");
  });
}

const BAD: Readonly<Record<string, (scene: Scene) => Promise<string>>> = {
  "another audience": ({ key, claims }) => signed(key, claims({ aud: "files" })),
  "no audience": ({ key, claims }) => signed(key, claims({ aud: undefined as unknown as string })),
  "an audience that is no name": ({ key, claims }) => signed(key, claims({ aud: { mail: true } as unknown as string })),
  "the past": ({ key, claims }) => signed(key, claims({ exp: SECONDS - 61 })),
  "no end": ({ key, claims }) => signed(key, claims({ exp: undefined as unknown as number })),
  "an end that is no number": ({ key, claims }) => signed(key, claims({ exp: "never" as unknown as number })),
  "the future": ({ key, claims }) => signed(key, claims({ nbf: SECONDS + 61 })),
  "no scope": ({ key, claims }) => signed(key, claims({ scope: "openid email" })),
  "a scope that only begins so": ({ key, claims }) => signed(key, claims({ scope: "mail.read openid" })),
  "no user": ({ key, claims }) => signed(key, claims({ email: undefined })),
  "a user that is no text": ({ key, claims }) => signed(key, claims({ email: ["alice@example.com"] })),
  "an unverified address": ({ key, claims }) => signed(key, claims({ email_verified: false })),
  "a user with a line end": ({ key, claims }) => signed(key, claims({ email: "alice\r\nA LOGOUT" })),
  "a user with a space that is cut": ({ key, claims }) => signed(key, claims({ email: "alice@example.com\u00a0" })),
  "the type of an ID token": ({ key, claims }) => signed(key, claims({ typ: "ID" })),
  "another type in its header": ({ key, claims }) => signed(key, claims(), { typ: "dpop+jwt" }),
  "a critical header that nobody knows": async ({ key, claims }) => {
    const token = await signed(key, claims());
    const [, payload = "", signature = ""] = token.split(".");
    const header = base64url.encode(JSON.stringify({ alg: "ES256", kid: "key-1", crit: ["x\r\ny"], "x\r\ny": 1 }));
    return `${header}.${payload}.${signature}`;
  },
  "alg none": async ({ claims }) => new UnsecuredJWT(claims()).encode(),
  "alg none in other letters": async ({ claims }) => `${forged({ alg: "nOnE", kid: "key-1" }, claims())}.`,
  "the public key as the secret of HS256": async ({ key, claims }) =>
    new SignJWT(claims())
      .setProtectedHeader({ alg: "HS256", kid: "key-1" })
      .sign(new TextEncoder().encode(JSON.stringify(key.jwk).padEnd(32))),
  "an algorithm that is not allowed": async ({ claims }) => signed({ ...(await testKey("key-1", "ES384")) }, claims()),
  "a foreign key under the right name": async ({ claims }) => signed(await testKey("key-1"), claims()),
  "a foreign key in its own header": async ({ claims }) => {
    const own = await testKey("own");
    return signed(own, claims(), { jwk: own.jwk, kid: undefined as never });
  },
  "the address of foreign keys": async ({ server, claims }) => {
    const own = await testKey("own");
    server.answers.set("/evil", [200, { keys: [own.jwk] }]);
    return signed(own, claims(), { jku: `${server.url}/evil`, x5u: `${server.url}/evil` });
  },
  "a changed payload": async ({ key, claims }) => {
    const [header = "", , signature = ""] = (await signed(key, claims())).split(".");
    return `${header}.${base64url.encode(JSON.stringify(claims({ email: "bob@example.com" })))}.${signature}`;
  },
  "no signature": async ({ key, claims }) => `${(await signed(key, claims())).split(".").slice(0, 2).join(".")}.`,
  "a signature of noughts": async ({ key, claims }) =>
    `${(await signed(key, claims())).split(".").slice(0, 2).join(".")}.${base64url.encode(new Uint8Array(64))}`,
  "more than 16 kB": ({ key, claims }) => signed(key, claims({ padding: "x".repeat(17_000) })),
};

const forged = (header: object, claims: object): string =>
  `${base64url.encode(JSON.stringify(header))}.${base64url.encode(JSON.stringify(claims))}`;

for (const [what, make] of Object.entries(BAD)) {
  test(`oauth: refuses a token with ${what}, and tells the client why in the words of its mechanism`, async (t) => {
    const it = await scene(t);
    const token = await make(it);
    const failure = await failureOf(t, it.check(bearer(token, "alice")));
    t.is(failure.kind, "wrong-credentials");
    t.regex(failure.message, /^[\x20-\x7e]{1,400}$/);
    t.false(failure.message.includes(token.slice(-20)));
    t.false(it.server.asked.some(({ path }) => path === "/evil"));
    const told = JSON.parse(String(failure.challenge)) as Record<string, string>;
    t.is(told["status"], what.includes("scope") ? "insufficient_scope" : "invalid_token");
    t.is(told["scope"], "mail");
    t.is(told["openid-configuration"], `${it.server.url}/.well-known/openid-configuration`);
    const other = await failureOf(t, it.check(bearer(token, "alice", "XOAUTH2")));
    t.deepEqual(JSON.parse(String(other.challenge)), { status: "401", schemes: "bearer", scope: "mail" });
  });
}

test("oauth: a name that only normalisation makes another user's is nobody's", async (t) => {
  const { key, claims, check } = await scene(t);
  // A Kelvin sign for a k.
  const token = await signed(key, claims({ email: "mi\u212ae@example.com" }));
  for (const name of ["", "mike@example.com"])
    t.regex((await failureOf(t, check(bearer(token, name)))).message, /no user has the name/);
});

test("oauth: the name that the client says must be the token's", async (t) => {
  const { key, claims, check } = await scene(t);
  const token = await signed(key, claims());
  for (const name of ["bob", "alice@example.org", "alice@example.com.evil.example", "alic\u00e9", "alice\0"]) {
    const failure = await failureOf(t, check(bearer(token, name)));
    t.is(failure.kind, "wrong-credentials", name);
    t.truthy(failure.challenge);
  }
});

test("oauth: a key of the provider does not make an algorithm good that is not in the list", async (t) => {
  const { key, claims, check } = await scene(t, {}, "ES384");
  t.is((await failureOf(t, check(bearer(await signed(key, claims()))))).kind, "wrong-credentials");
});

test("oauth: the clock of the provider may differ by the skew, no more", async (t) => {
  const { key, claims, check } = await scene(t);
  t.is(await check(bearer(await signed(key, claims({ exp: SECONDS - 59, nbf: SECONDS + 59 })))), "Alice@example.com");
});

test("oauth: scopes may stand in scp too, audiences and scopes in lists, and the user in another claim", async (t) => {
  const { key, claims, check } = await scene(t, { userClaim: "upn" });
  const more = { scope: undefined, scp: ["mail"], aud: ["x", "imap"], upn: "bob" } as unknown as JWTPayload;
  t.is(await check(bearer(await signed(key, claims(more)))), "bob");
});

test("oauth: a claim that every object has is no user", async (t) => {
  const { key, claims, check } = await scene(t, { userClaim: "constructor" });
  t.is((await failureOf(t, check(bearer(await signed(key, claims()))))).kind, "wrong-credentials");
});

test("oauth: leaves tokens of others, passwords and what is no JWT to the next verifier", async (t) => {
  const { key, claims, check, verifier, server } = await scene(t);
  t.is(await check(bearer(await signed(key, claims({ iss: "https://other.example" })))), undefined);
  t.is(await check(bearer(await signed(key, claims({ iss: `${server.url}/` })))), undefined);
  for (const token of ["opaque", "a.b.c", "....", "e30.e30.e30", "e30.W10.", ""]) t.is(await check(bearer(token)), undefined);
  t.is(await verifier.check?.(password("alice", "x"), SESSION), undefined);
  t.is(server.asked.length, 0);
});

test("oauth: whatever stands in a token's parts, the answer is a refusal or another verifier's", async (t) => {
  const { key, claims, check, server } = await scene(t);
  const [head = "", body = "", signature = ""] = (await signed(key, claims())).split(".");
  const json = fc.dictionary(
    fc.oneof(
      fc.constantFrom("alg", "kid", "typ", "crit", "b64", "jku", "x5u", "jwk", "x5c", "cty", "zip", "__proto__"),
      fc.string(),
    ),
    fc.oneof(fc.constantFrom<unknown>("none", "HS256", "ES256", "key-1", "../key-1", `${server.url}/keys`), fc.jsonValue()),
  );
  const headers = json.map((value) => base64url.encode(JSON.stringify({ alg: "ES256", ...value })));
  const bytes = fc.uint8Array({ maxLength: 200 }).map((value) => base64url.encode(value));
  const bodies = fc.oneof(
    fc.constant(body),
    fc.jsonValue().map((value) => base64url.encode(JSON.stringify(value))),
    fc.jsonValue().map((value) => base64url.encode(JSON.stringify({ ...claims(), email: value }))),
    bytes,
  );
  const part = fc.oneof(headers, bytes, fc.string());
  await fc.assert(
    fc.asyncProperty(part, bodies, fc.oneof(fc.constant(signature), bytes, fc.string()), async (one, two, three) => {
      fc.pre(`${one}.${two}.${three}` !== `${head}.${body}.${signature}`);
      try {
        t.is(await check(bearer(`${one}.${two}.${three}`, "alice")), undefined);
      } catch (error) {
        t.true(error instanceof Failure && error.kind === "wrong-credentials", String(error));
      }
    }),
    { numRuns: 400 },
  );
  t.true(server.asked.every(({ path }) => path === "/keys" || path.startsWith("/.well-known")));
  t.true(server.asked.length <= 2);
});
