import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { RELAY, Secret, type BackendLogin, type Credentials, type Identity, type LoginSettings } from "@postern/contracts";
import { bearer, handClock, startCanned, type Canned, type CannedServer } from "../oauth/test/provider.ts";
import { failureOf, password, SESSION } from "../suite.ts";
import { createBackendLogin } from "./index.ts";

const folder = mkdtempSync(join(tmpdir(), "postern-login-oauth-"));
const clientSecretFile = join(folder, "client.secret");
writeFileSync(clientSecretFile, "s3cret\n", { mode: 0o600 });
test.after.always(() => rmSync(folder, { recursive: true }));

const ALICE: Identity = { user: "alice@example.com", proven: true };
const BOB: Identity = { user: "bob@example.com", proven: true };
const OAUTH: LoginSettings = { ...RELAY, strategy: "oauth" };
const GRANT = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";

const proven: Credentials = {
  kind: "proven",
  mechanism: "GSSAPI",
  authcid: "alice",
  authzid: "",
  secret: new Secret(""),
  user: "alice",
};

interface Scene {
  readonly server: CannedServer;
  readonly clock: ReturnType<typeof handClock>;
  readonly strategy: BackendLogin;
  /** The token that is presented. */
  readonly token: (credentials: Credentials, identity?: Identity) => Promise<string>;
}

async function scene(t: ExecutionContext, answer?: Canned, more: Partial<LoginSettings> = {}): Promise<Scene> {
  const server = await startCanned();
  let count = 0;
  const fresh = (): Canned => [200, { access_token: `minted.${(count += 1)}`, token_type: "Bearer", expires_in: 300 }];
  server.answers.set("/token", answer ?? fresh);
  const clock = handClock(1_000_000);
  const settings = { ...OAUTH, tokenUrl: `${server.url}/token`, clientId: "gateway", clientSecretFile, ...more };
  const strategy = createBackendLogin(settings, { clock, hostname: "gw1" });
  t.teardown(async () => {
    strategy.close();
    await server.stop();
  });
  const token = async (credentials: Credentials, identity = ALICE): Promise<string> =>
    (await strategy.present(credentials, identity, SESSION)).secret.reveal().toString();
  return { server, clock, strategy, token };
}

test("oauth login: a client's token is exchanged for one for the backend", async (t) => {
  const { server, strategy } = await scene(t, undefined, { audience: "imap backend", scope: "mail openid" });
  const { secret, ...rest } = await strategy.present(bearer("theirs", "Alice"), ALICE, SESSION);
  t.deepEqual(rest, { kind: "token", mechanism: "OAUTHBEARER", authcid: "alice@example.com", authzid: "" });
  t.is(secret.reveal().toString(), "minted.1");
  t.deepEqual(server.asked, [
    {
      path: "/token",
      authorization: `Basic ${Buffer.from("gateway:s3cret").toString("base64")}`,
      form: {
        grant_type: GRANT,
        subject_token: "theirs",
        subject_token_type: ACCESS_TOKEN,
        requested_token_type: ACCESS_TOKEN,
        audience: "imap backend",
        scope: "mail openid",
      },
    },
  ]);
});

test("oauth login: for who came without a token, the gateway asks for one of that user, and never sends a password", async (t) => {
  for (const credentials of [password("alice", "alices own"), proven]) {
    const { server, token } = await scene(t);
    t.is(await token(credentials), "minted.1");
    t.deepEqual(server.asked[0]?.form, {
      grant_type: GRANT,
      requested_subject: "alice@example.com",
      requested_token_type: ACCESS_TOKEN,
    });
  }
});

test("oauth login: a token is used again until shortly before it expires, for the same user only", async (t) => {
  const { clock, token } = await scene(t);
  t.is(await token(proven), "minted.1");
  clock.move(239_000);
  t.is(await token(password("alice", "x")), "minted.1");
  t.is(await token(proven, BOB), "minted.2");
  clock.move(1001);
  t.is(await token(proven), "minted.3");
});

test("oauth login: a token that came of another token is for who brings that one again", async (t) => {
  const { token } = await scene(t);
  t.is(await token(bearer("one")), "minted.1");
  t.is(await token(bearer("two")), "minted.2");
  t.is(await token(proven), "minted.3");
  t.is(await token(bearer("one")), "minted.1");
  t.is(await token(bearer("one"), BOB), "minted.4");
});

test("oauth login: five connections at once are one question, and each has a copy of its own", async (t) => {
  const { server, strategy } = await scene(t);
  const all = await Promise.all([1, 2, 3, 4, 5].map(() => strategy.present(proven, ALICE, SESSION)));
  t.is(server.asked.length, 1);
  all[0]?.secret.wipe();
  t.is(all[1]?.secret.reveal().toString(), "minted.1");
  t.is((await strategy.present(proven, ALICE, SESSION)).secret.reveal().toString(), "minted.1");
});

test("oauth login: a token of unknown or short life is used once", async (t) => {
  for (const life of [{}, { expires_in: 60 }, { expires_in: "300" }, { expires_in: -5 }]) {
    const { server, token } = await scene(t, [200, { access_token: "minted", token_type: "bearer", ...life }]);
    await token(proven);
    await token(proven);
    t.is(server.asked.length, 2, JSON.stringify(life));
  }
});

test("oauth login: a no of the endpoint to this user is a no, and is not remembered", async (t) => {
  for (const answer of [
    [400, { error: "invalid_grant", error_description: "s3cret" }],
    [400, { error: "invalid_request" }],
    [403, { error: "access_denied" }],
    [403, "<html>s3cret"],
  ] as const) {
    const { server, token } = await scene(t, answer);
    for (const times of [1, 2]) {
      const failure = await failureOf(t, token(proven));
      t.is(failure.kind, "not-authorized");
      t.notRegex(failure.message, /s3cret/);
      t.is(server.asked.length, times);
    }
  }
});

test("oauth login: an endpoint that is down, refuses the gateway or makes no sense is no fault of the user", async (t) => {
  const token = { access_token: "minted", token_type: "Bearer" };
  for (const answer of [
    "drop",
    [401, { error: "invalid_client" }],
    [400, { error: "unauthorized_client" }],
    [400, { error: "unsupported_grant_type" }],
    [400, { error: "invalid_scope" }],
    [404, ""],
    [429, {}],
    [500, {}],
    [302, ""],
    [200, "<html>"],
    [200, []],
    [200, { ...token, access_token: 7 }],
    [200, { ...token, access_token: "" }],
    [200, { ...token, access_token: "two words" }],
    [200, { ...token, access_token: "x\u0001auth=Bearer y" }],
    [200, { ...token, token_type: "N_A" }],
    [200, { ...token, padding: "x".repeat(70_000) }],
  ] as const) {
    const { token: ask } = await scene(t, answer);
    t.is((await failureOf(t, ask(proven))).kind, "verifier-down", JSON.stringify(answer).slice(0, 80));
  }
});

test("oauth login: nobody gets a token whom the gateway has not checked, and the endpoint is not asked", async (t) => {
  const { server, token } = await scene(t);
  for (const credentials of [proven, password("alice", "x"), bearer("theirs")])
    t.is((await failureOf(t, token(credentials, { ...ALICE, proven: false }))).kind, "not-authorized");
  t.is(server.asked.length, 0);
});

test("oauth login: without a tokenUrl a client's token is passed on, and nobody else logs in", async (t) => {
  const strategy = createBackendLogin(OAUTH, { clock: handClock(0), hostname: "gw1" });
  const theirs = bearer("theirs", "Alice", "XOAUTH2");
  const { secret, ...rest } = await strategy.present(theirs, ALICE, SESSION);
  t.deepEqual(rest, { kind: "token", mechanism: "OAUTHBEARER", authcid: "alice@example.com", authzid: "" });
  secret.wipe();
  t.is(theirs.secret.reveal().toString(), "theirs");
  for (const credentials of [proven, password("alice", "x")])
    t.is((await failureOf(t, strategy.present(credentials, ALICE, SESSION))).kind, "backend-mechanism");
  const unchecked = strategy.present(bearer("theirs"), { ...ALICE, proven: false }, SESSION);
  t.is((await failureOf(t, unchecked)).kind, "not-authorized");
});

test("oauth login: settings that miss something, or would show secrets, are refused with their key", (t) => {
  const tokenUrl = "https://id.example.com/token";
  const make = (more: Partial<LoginSettings>) => (): BackendLogin =>
    createBackendLogin(
      { ...OAUTH, tokenUrl, clientId: "x", clientSecretFile, ...more },
      { clock: handClock(0), hostname: "gw1" },
    );
  t.throws(make({ tokenUrl: "http://id.example.com/token" }), { message: /^tokenUrl: .*in clear/ });
  t.throws(make({ clientId: undefined }), { message: /^clientId: / });
  t.throws(make({ clientSecretFile: undefined }), { message: /^clientSecretFile: / });
  t.throws(make({ clientSecretFile: "/nonexistent" }), { message: /^clientSecretFile: / });
  t.throws(make({ ca: "/nonexistent" }), { message: /^ca: / });
});
