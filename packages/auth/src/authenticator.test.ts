import test from "ava";
import { Failure, Secret, type Credentials, type ProvenCredentials, type Session, type Verifier } from "@postern/contracts";
import { createFakeClock } from "@postern/testing";
import { authenticatorOf } from "./authenticator.ts";
import type { AuthSettings } from "./settings.ts";
import { contextOf, failureOf, password, SESSION } from "./suite.ts";

const SETTINGS: AuthSettings = { verifiers: [], cache: 0, actAs: [], rights: [], masterSeparator: undefined };

interface Asked extends Verifier {
  readonly asked: string[];
}

/** Knows these users, each with this password; undefined: it cannot be asked. */
function verifier(name: string, users: Readonly<Record<string, string>> | undefined): Asked {
  const asked: string[] = [];
  return {
    name,
    proves: ["password"],
    asked,
    check(credentials) {
      asked.push(credentials.authcid);
      if (users === undefined) return Promise.reject(new Failure("verifier-down", `${name} is down`));
      const right = users[credentials.authcid];
      if (right === undefined) return Promise.resolve(undefined);
      if (credentials.secret.reveal().toString() === right) return Promise.resolve({ user: credentials.authcid });
      return Promise.reject(new Failure("wrong-credentials", "wrong password"));
    },
    close() {},
  };
}

function build(
  verifiers: readonly Verifier[],
  settings: Partial<AuthSettings> = {},
  believes = false,
  clock = createFakeClock(),
) {
  const context = { ...contextOf("example.com"), clock };
  const authenticator = authenticatorOf(verifiers, believes, { ...SETTINGS, ...settings }, context);
  return { ...authenticator, check: (credentials: Credentials, session: Session) => authenticator.check(credentials, session) };
}

const proven = (user: string, authzid = ""): ProvenCredentials => ({
  kind: "proven",
  mechanism: "GSSAPI",
  authcid: user,
  authzid,
  user,
  secret: new Secret(""),
});

test("authenticator: the first verifier that knows the user decides", async (t) => {
  const [first, second] = [verifier("first", { alice: "one" }), verifier("second", { alice: "two", bob: "two" })];
  const { check } = build([first, second]);
  t.deepEqual(await check(password("alice", "one"), SESSION), { user: "alice@example.com", proven: true });
  t.deepEqual(await check(password("bob", "two"), SESSION), { user: "bob@example.com", proven: true });
  t.is((await failureOf(t, check(password("alice", "two"), SESSION))).kind, "wrong-credentials");
  t.deepEqual(second.asked, ["bob"]);
});

test("authenticator: who is known to nobody is told what a wrong password is told", async (t) => {
  const failure = await failureOf(t, build([verifier("first", {})]).check(password("mallory", "x"), SESSION));
  t.is(failure.kind, "wrong-credentials");
});

test("authenticator: a verifier that is down is a temporary failure, whatever the next one would say", async (t) => {
  const next = verifier("next", { alice: "one" });
  const { check } = build([verifier("down", undefined), next]);
  for (const secret of ["one", "wrong"])
    t.is((await failureOf(t, check(password("alice", secret), SESSION))).kind, "verifier-down");
  t.deepEqual(next.asked, []);
});

test("authenticator: with backend at the end, whom nobody knows is left to the backend, and is not proven", async (t) => {
  const { check, believes } = build([verifier("first", { alice: "one" })], {}, true);
  t.true(believes);
  t.deepEqual(await check(password("bob", "any"), SESSION), { user: "bob@example.com", proven: false });
  t.is((await failureOf(t, check(password("alice", "any"), SESSION))).kind, "wrong-credentials");
});

test("authenticator: an exchange that was checked is believed, one that was refused is not", async (t) => {
  const { check } = build([verifier("first", {})]);
  t.deepEqual(await check(proven("alice"), SESSION), { user: "alice@example.com", proven: true });
  const failure = new Failure("credentials-expired", "ticket expired");
  const rejected: Credentials = { ...proven("alice"), kind: "rejected", failure };
  t.is(await failureOf(t, check(rejected, SESSION)), failure);
});

test("authenticator: an exchange that the backend should check never passes where the backend does not decide", async (t) => {
  const live: Credentials = { ...proven("alice"), kind: "live", answer: () => Promise.resolve(Buffer.alloc(0)) };
  t.is((await failureOf(t, build([verifier("first", {})]).check(live, SESSION))).kind, "internal");
  t.false((await build([], {}, true).check(live, SESSION)).proven);
});

test("authenticator: nobody acts as somebody else without a rule", async (t) => {
  const actAs = [{ users: ["admin@example.com", "*@help.example.com"], as: ["*@example.com"] }];
  const { check } = build([], { actAs });
  t.is((await check(proven("admin", "bob"), SESSION)).user, "bob@example.com");
  t.is((await check(proven("eve@help.example.com", "bob"), SESSION)).user, "bob@example.com");
  t.is((await check(proven("alice", "ALICE@example.com"), SESSION)).user, "alice@example.com");
  for (const [who, as] of [
    ["alice", "bob"],
    ["admin", "bob@example.org"],
    ["eve@xhelp.example.com", "bob"],
    ["admin@example.com.evil.test", "bob"],
  ] as const)
    t.is((await failureOf(t, check(proven(who, as), SESSION))).kind, "not-authorized", `${who} as ${as}`);
});

test("authenticator: the first rule that names the user says which protocols they may use", async (t) => {
  const rights = [
    { users: ["boss@example.com"], protocols: ["imap", "pop3"] },
    { users: ["*@example.com"], protocols: ["imap"] },
  ];
  const pop3 = { ...SESSION, listener: { ...SESSION.listener, protocol: "pop3" } };
  for (const believes of [true, false]) {
    const { check } = build([verifier("all", { alice: "x", boss: "x", "carol@example.org": "x" })], { rights }, believes);
    t.is((await check(password("alice", "x"), SESSION)).user, "alice@example.com");
    t.is((await check(password("boss", "x"), pop3)).user, "boss@example.com");
    t.is((await check(password("carol@example.org", "x"), pop3)).user, "carol@example.org");
    t.is((await failureOf(t, check(password("alice", "x"), pop3))).kind, "not-authorized");
  }
});

test("authenticator: before anybody has checked the password, who may not use a protocol is told what a wrong password is told", async (t) => {
  const { check } = build([], { rights: [{ users: ["alice@example.com"], protocols: ["pop3"] }] }, true);
  const failure = await failureOf(t, check(password("alice", "x"), SESSION));
  t.is(failure.kind, "wrong-credentials");
  t.regex(failure.message, /"alice@example.com" may not use imap/);
});

test("authenticator: a right belongs to the mailbox that is opened, not to who opens it", async (t) => {
  const rights = [{ users: ["bob@example.com"], protocols: [] }];
  const { check } = build([], { rights, actAs: [{ users: ["*@example.com"], as: ["*@example.com"] }] });
  t.is((await failureOf(t, check(proven("alice", "bob"), SESSION))).kind, "not-authorized");
});

test("authenticator: a yes is remembered for the same secret and a while, a no never", async (t) => {
  const clock = createFakeClock();
  const source = verifier("slow", { alice: "one", bob: "one" });
  const { check } = build([source], { cache: 60_000 }, false, clock);
  for (let n = 0; n < 3; n++) await check(password("alice", "one"), SESSION);
  t.deepEqual(source.asked, ["alice"]);
  for (let n = 0; n < 2; n++) await failureOf(t, check(password("alice", "two"), SESSION));
  t.is(source.asked.length, 3);
  await check(password("bob", "one"), SESSION);
  t.is(source.asked.length, 4);
  await clock.advance(60_000);
  await check(password("alice", "one"), SESSION);
  t.is(source.asked.length, 5);
});

test("authenticator: a yes counts for the protocol, the client and the certificate that the verifier was asked about", async (t) => {
  const source = verifier("http", { alice: "one" });
  const { check } = build([source], { cache: 60_000 });
  const tls = { version: "TLSv1.3", cipher: "x", serverName: undefined, alpn: undefined, resumed: false } as const;
  const badge = { verify: "SUCCESS", subject: "", issuer: "", serial: "", fingerprint: "", pem: "of alice" };
  const sessions: readonly Session[] = [
    SESSION,
    { ...SESSION, listener: { ...SESSION.listener, protocol: "pop3" } },
    { ...SESSION, client: { host: "192.0.2.1", port: 1 } },
    { ...SESSION, tls: { ...tls, clientCertificate: undefined } },
    { ...SESSION, tls: { ...tls, clientCertificate: badge } },
    { ...SESSION, tls: { ...tls, clientCertificate: { ...badge, verify: "FAILED:expired" } } },
  ];
  for (const session of [...sessions, ...sessions]) await check(password("alice", "one"), session);
  t.is(source.asked.length, sessions.length);
});

test("authenticator: a yes to a token is not remembered for longer than the token lasts", async (t) => {
  const clock = createFakeClock();
  let asked = 0;
  const until = clock.now() + 10_000;
  const source: Verifier = {
    name: "oauth",
    proves: ["token"],
    check: () => Promise.resolve(++asked < 3 ? { user: "alice", until } : undefined),
    close() {},
  };
  const token = (): Credentials => ({ ...proven("alice"), kind: "token", mechanism: "OAUTHBEARER", secret: new Secret("t0ken") });
  const { check } = build([source], { cache: 60_000 }, false, clock);
  await check(token(), SESSION);
  await check(token(), SESSION);
  t.is(asked, 1);
  await clock.advance(10_000);
  await check(token(), SESSION);
  t.is(asked, 2);
  const failure = await failureOf(t, check(token(), SESSION));
  t.deepEqual([failure.kind, failure.challenge?.toString()], ["wrong-credentials", '{"status":"invalid_token"}']);
});

test("authenticator: the same question at the same moment is asked once", async (t) => {
  const source = verifier("slow", { alice: "one" });
  const { check } = build([source], { cache: 60_000 });
  const identities = await Promise.all(Array.from({ length: 20 }, () => check(password("alice", "one"), SESSION)));
  t.is(identities.length, 20);
  t.deepEqual(source.asked, ["alice"]);
});

test("authenticator: made-up SCRAM keys look the same each time, and differ between names", async (t) => {
  const scram: Verifier = { name: "file", proves: ["scram-sha-256"], scram: () => Promise.resolve(undefined), close() {} };
  const { proofs } = build([scram]);
  const ask = async (user: string) => (await proofs.scram?.("sha256", user)) ?? t.fail();
  const [one, again, other] = [await ask("mallory"), await ask("Mallory@example.com"), await ask("eve")];
  t.deepEqual([one.keys.salt, one.keys.iterations, one.user], [again.keys.salt, again.keys.iterations, undefined]);
  t.notDeepEqual(one.keys.salt, other.keys.salt);
});

test("authenticator: what verifiers prove is what mechanisms can ask", (t) => {
  const { proofs, proves } = build([verifier("first", {})]);
  t.deepEqual([...proves], ["password"]);
  t.deepEqual(Object.keys(proofs), []);
});

test("authenticator: an application that is let in has its own name, without a domain, and needs no rights", async (t) => {
  const { check } = build([verifier("first", undefined)], { rights: [{ users: ["alice"], protocols: ["pop3"] }] });
  const secret = new Secret("");
  const who = { mechanism: "ADMITTED", authcid: "printers", authzid: "", secret, backend: "mx1", why: "", opening: "" };
  t.deepEqual(await check({ kind: "admitted", ...who }, SESSION), { user: "printers", proven: true });
});
