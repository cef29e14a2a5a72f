import { Failure, RELAY, type BackendCredentials, type BackendLogin, type GssAcceptor, Secret } from "@postern/contracts";
import test, { type ExecutionContext } from "ava";
import type { ClientConnection } from "../exchange.ts";
import type { Admission } from "../parts.ts";
import { createLogins, type Logins } from "./logins.ts";
import { acceptor, kerberos, TICKET } from "./test/kerberos.ts";
import { ntlmAuthenticate, ntlmNegotiate } from "./test/ntlm.ts";
import { type TestExchange, testClient, webSession } from "../../test/exchanges.ts";
import { testService } from "../../test/parts.ts";
import { basic, exchange, scene, valuesOf, webLeg, type SceneOptions } from "./test/scene.ts";

const SERVICE = testService({ authentication: "edge" });
const ALL = ["Negotiate", "NTLM", 'Bearer realm="Mail"', 'Basic realm="Mail", charset="UTF-8"'];

function house(options: SceneOptions = {}) {
  const all = scene(options);
  return { ...all, logins: createLogins(all.parts) };
}

const asks = (one: TestExchange): string[] => valuesOf(one.said.fields, "www-authenticate");

async function admitted(logins: Logins, one: TestExchange): Promise<Admission> {
  const admission = await logins.admit(one, SERVICE);
  if (admission === undefined) throw new Error(`it was answered: ${one.said.status}`);
  return admission;
}

async function refused(t: ExecutionContext, logins: Logins, one: TestExchange, status: number): Promise<string[]> {
  t.is(await logins.admit(one, SERVICE), undefined);
  t.is(one.said.status, status);
  return asks(one);
}

test("edge: a request without a login is told what can be used", async (t) => {
  const { logins } = house();
  t.deepEqual(await refused(t, logins, exchange(testClient(), "GET /"), 401), ALL);
});

test("edge: over HTTP/2 only what comes with each request is offered", async (t) => {
  const { logins } = house();
  const from = testClient({ isShared: true });
  t.deepEqual(await refused(t, logins, exchange(from, "GET /"), 401), ALL.slice(2));
  t.is(from.auth, undefined);
});

test("edge: over HTTP/2 a login that needs a connection is asked for over HTTP/1.1, and so is any where there are no others", async (t) => {
  const from = testClient({ isShared: true });
  const one = exchange(from, "GET /", { fields: ["Authorization", `NTLM ${ntlmNegotiate().toString("base64")}`] });
  t.is(await house().logins.admit(one, SERVICE), undefined);
  t.true(one.said.asksForHttp11);
  const two = exchange(from, "GET /");
  t.is(await house({ schemes: ["Negotiate", "NTLM"] }).logins.admit(two, SERVICE), undefined);
  t.true(two.said.asksForHttp11);
  t.is(two.said.status, undefined);
});

test("edge: without TLS no secret is asked for, and none is taken", async (t) => {
  const open = testClient({ session: webSession({ tls: undefined }) });
  t.deepEqual(await refused(t, house().logins, exchange(open, "GET /"), 401), ["Negotiate", "NTLM"]);
  const clear = testClient({ session: webSession({ tls: undefined }) });
  const secret = async () => house().logins.admit(exchange(clear, "GET /", { fields: basic("alice", "s3cret") }), SERVICE);
  t.is((await t.throwsAsync(secret, { instanceOf: Failure }))?.kind, "plaintext-refused");
  const none = exchange(testClient({ session: webSession({ tls: undefined }) }), "GET /");
  t.deepEqual(await refused(t, house({ schemes: ["Basic"] }).logins, none, 403), []);
});

test("edge: a good password lets in, is checked with each request, and counted once a connection", async (t) => {
  const { logins, guarded, checked } = house();
  const from = testClient();
  for (let count = 0; count < 3; count++) {
    const admission = await admitted(logins, exchange(from, "GET /", { fields: basic("alice", "s3cret") }));
    t.deepEqual(admission.identity, { user: "alice@example.com", proven: true });
    admission.release();
    t.is(admission.credentials?.secret.reveal().length, 0);
  }
  t.deepEqual(checked, ["alice s3cret", "alice s3cret", "alice s3cret"]);
  t.deepEqual(guarded, ["before alice@example.com", "succeeded alice@example.com"]);
  t.is(from.session.attempts, 1);
  t.is(from.session.mechanism, "Basic");
});

test("edge: users who take turns on one connection are each themselves", async (t) => {
  const { logins } = house();
  for (const from of [testClient(), testClient({ isShared: true })]) {
    for (const [user, password] of [
      ["alice", "s3cret"],
      ["bob", "geheim"],
      ["alice", "s3cret"],
    ] as const) {
      const admission = await admitted(logins, exchange(from, "GET /", { fields: basic(user, password) }));
      t.is(admission.identity?.user, `${user}@example.com`);
    }
    t.is((await refused(t, logins, exchange(from, "GET /"), 401)).length > 0, true, "and nobody is, without a login");
  }
});

test("edge: a wrong password is held back, counted, delayed, logged without it, and asked for again", async (t) => {
  const { logins, guarded, clock, logger } = house({ delayBefore: 500, delayAfter: 3000 });
  const one = exchange(testClient(), "GET /", { fields: basic("alice", "wr0ng") });
  const admitting = logins.admit(one, SERVICE);
  await clock.advance(2999);
  t.is(one.said.status, undefined);
  await clock.advance(1);
  t.is(await admitting, undefined);
  t.is(one.said.status, 401);
  t.deepEqual(asks(one), ALL);
  t.deepEqual(guarded, ["before alice@example.com", "before alice@example.com", "failed alice@example.com wr0ng"]);
  t.deepEqual(logger.messages("info"), ["login failed"]);
  t.notRegex(logger.text(), /wr0ng/);
});

test("edge: a name with a line end in it reaches neither the log nor an answer as it is", async (t) => {
  const { logins, logger } = house();
  const name = Buffer.from("a\r\nX-Evil: 1:pw").toString("base64");
  const one = exchange(testClient(), "GET /", { fields: ["Authorization", `Basic ${name}`] });
  await refused(t, logins, one, 401);
  t.notRegex(one.said.body + one.said.fields.join("|"), /Evil/);
  t.notRegex(logger.text(), /Evil/);
});

test("edge: a bearer token lets in; a bad one is told so in the challenge", async (t) => {
  const { logins } = house();
  const good = await admitted(logins, exchange(testClient(), "GET /", { fields: ["Authorization", "Bearer good-token"] }));
  t.is(good.identity?.user, "alice@example.com");
  const challenge = await refused(
    t,
    logins,
    exchange(testClient(), "GET /", { fields: ["Authorization", "Bearer bad-token"] }),
    401,
  );
  t.regex(challenge[2] ?? "", /^Bearer realm="Mail", error="invalid_token"/);
});

test("edge: a verifier that cannot be asked, and a guesser who is not looked at, are no matter of the login", async (t) => {
  const { parts } = house();
  for (const kind of ["verifier-down", "too-many-failures"] as const) {
    const authenticator = { ...parts.authenticator, check: () => Promise.reject(new Failure(kind, "x")) };
    const logins = createLogins({ ...parts, authenticator });
    const one = exchange(testClient(), "GET /", { fields: basic("alice", "s3cret") });
    t.is((await t.throwsAsync(async () => logins.admit(one, SERVICE), { instanceOf: Failure }))?.kind, kind);
    t.is(one.said.status, undefined);
  }
});

test("edge: two logins, or something that is none, are refused at the door", async (t) => {
  const { logins, checked } = house();
  const twice = [...basic("alice", "s3cret"), ...basic("bob", "geheim")];
  for (const fields of [twice, ["Authorization", "Secret x"], ["Authorization", "Basic !!"], ["Authorization", ""]])
    t.deepEqual(await refused(t, logins, exchange(testClient(), "GET /", { fields }), 401), ALL);
  t.deepEqual(checked, []);
});

test("edge: a Kerberos login holds for its connection alone; its last word goes into the answer", async (t) => {
  const { logins } = house({ proofs: kerberos });
  const from = testClient();
  const ticket = ["Authorization", `Negotiate ${TICKET.toString("base64")}`];
  const first = await admitted(logins, exchange(from, "GET /", { fields: ticket }));
  t.is(first.identity?.user, "alice@example.com");
  t.deepEqual(first.answerFields, ["WWW-Authenticate", `Negotiate ${Buffer.from("last word").toString("base64")}`]);
  first.release();
  const second = await admitted(logins, exchange(from, "GET /"));
  t.is(second.identity?.user, "alice@example.com");
  t.deepEqual(second.answerFields, []);
  await refused(t, logins, exchange(testClient(), "GET /"), 401);
  const bob = await admitted(logins, exchange(from, "GET /", { fields: basic("bob", "geheim") }));
  t.is(bob.identity?.user, "bob@example.com");
  await refused(t, logins, exchange(from, "GET /"), 401);
  from.close();
});

test("edge: NTLM takes two requests; a guesser is held back before the second one is looked at", async (t) => {
  let asked = 0;
  const ntlm = (): Promise<never> => {
    asked += 1;
    return Promise.reject(new Failure("wrong-credentials", "NTLM: no"));
  };
  const { logins, guarded, clock } = house({ proofs: { ntlm }, delayBefore: 500 });
  const from = testClient();
  const say = (message: Buffer) => exchange(from, "GET /", { fields: ["Authorization", `NTLM ${message.toString("base64")}`] });
  const [challenge = ""] = await refused(t, logins, say(ntlmNegotiate()), 401);
  t.regex(challenge, /^NTLM TlRMTVNTUAAC/);
  const last = say(ntlmAuthenticate("alice"));
  const admitting = logins.admit(last, SERVICE);
  await clock.advance(499);
  t.is(asked, 0);
  await clock.advance(1);
  t.is(await admitting, undefined);
  t.is(asked, 1);
  t.is(last.said.status, 401);
  t.deepEqual(guarded, ["before alice@example.com", "before alice@example.com", "failed alice@example.com "]);
});

/** A strategy that presents the same always. */
function strategy(name: BackendLogin["strategy"], made: Partial<BackendCredentials>): BackendLogin {
  const credentials = { mechanism: "X", authcid: "", authzid: "", secret: new Secret(""), ...made } as BackendCredentials;
  return { strategy: name, present: () => Promise.resolve(credentials), close: () => {} };
}

async function presentedBy(login: BackendLogin | undefined, fields = basic("alice", "s3cret")): Promise<readonly string[]> {
  const { logins } = house(login === undefined ? {} : { login });
  const one = exchange(testClient(), "GET /", { fields });
  const admission = await admitted(logins, one);
  return admission.present(webLeg(), ["Host", "a", ...fields, "X-Remote-User", "root", "X_Remote_User", "root", "Accept", "*/*"]);
}

test("backend: what the client sent, by relay, and nothing that names a user besides", async (t) => {
  t.deepEqual(await presentedBy(undefined), ["Host", "a", "Accept", "*/*", ...basic("alice", "s3cret")]);
  const bearer = ["Authorization", "Bearer good-token"];
  t.deepEqual(await presentedBy(undefined, bearer), ["Host", "a", "Accept", "*/*", ...bearer]);
});

test("backend: a master user, a token of our own, a name in a header", async (t) => {
  const master = strategy("master", { kind: "password", authcid: "alice@example.com*gate", secret: new Secret("m") });
  t.deepEqual((await presentedBy(master)).slice(4), basic("alice@example.com*gate", "m"));
  const oauth = strategy("oauth", { kind: "token", secret: new Secret("t0ken") });
  t.deepEqual((await presentedBy(oauth)).slice(4), ["Authorization", "Bearer t0ken"]);
  const trusted = strategy("xclient", { kind: "trusted", authcid: "j\xfcrg@example.com" });
  t.deepEqual((await presentedBy(trusted)).slice(4), ["X-Remote-User", "j\xc3\xbcrg@example.com"]);
});

test("backend: what cannot be told over HTTP without a mistake is refused", async (t) => {
  for (const [made, kind] of [
    [{ kind: "password", authcid: "gate", authzid: "alice" }, "backend-mechanism"],
    [{ kind: "password", authcid: "alice:x" }, "not-authorized"],
    [{ kind: "token", secret: new Secret("a\r\nX: 1") }, "backend-mechanism"],
    [{ kind: "trusted", authcid: "alice\r\nX: 1" }, "not-authorized"],
  ] as const) {
    const failure = await t.throwsAsync(presentedBy(strategy("master", made as Partial<BackendCredentials>)), {
      instanceOf: Failure,
    });
    t.is(failure?.kind, kind);
  }
});

test("backend: a login by Kerberos cannot be relayed, and the reason says what can be done", async (t) => {
  const { logins } = house({ proofs: kerberos });
  const one = exchange(testClient(), "GET /", { fields: ["Authorization", `Negotiate ${TICKET.toString("base64")}`] });
  const failure = await t.throwsAsync(async () => (await admitted(logins, one)).present(webLeg(), []), { instanceOf: Failure });
  t.is(failure?.kind, "backend-mechanism");
  t.regex(failure?.message ?? "", /no Kerberos delegation/);
});

test("backend: the user and the password that the route says go before the client's", async (t) => {
  const { logins } = house();
  const one = exchange(testClient(), "GET /", { fields: basic("alice", "s3cret") });
  const admission = await admitted(logins, one);
  t.deepEqual(await admission.present(webLeg(), [], { user: "a17", secret: new Secret("routed") }), basic("a17", "routed"));
  t.deepEqual(await admission.present(webLeg(), [], { user: "a17" }), basic("a17", "s3cret"));
});

test("backend: no login without TLS off loopback", async (t) => {
  const { logins } = house();
  const admission = await admitted(logins, exchange(testClient(), "GET /", { fields: basic("alice", "s3cret") }));
  const failure = await t.throwsAsync(async () => admission.present(webLeg({ host: "10.0.0.1" }), []), { instanceOf: Failure });
  t.is(failure?.kind, "backend-plaintext");
});

test("backend: its 401 to the client's own password is told at the door, with our challenges", async (t) => {
  const { logins, guarded, logger } = house({ believes: true, delayAfter: 3000 });
  const one = exchange(testClient(), "GET /", { fields: basic("alice", "wrong") });
  const admission = await admitted(logins, one);
  t.deepEqual(admission.identity, { user: "alice@example.com", proven: false });
  await admission.present(webLeg(), []);
  t.is(admission.answered(401, ["WWW-Authenticate", "NTLM"]), 3000);
  t.is(admission.refused(webLeg()), "answered");
  t.deepEqual(asks(one), ALL);
  t.deepEqual(guarded, ["before alice@example.com", "failed alice@example.com wrong"]);
  t.deepEqual(logger.messages("info"), ["login failed"]);
});

test("backend: its 401 to the gateway's own login is nobody's wrong password", async (t) => {
  const login = strategy("master", { kind: "password", authcid: "x*gate", secret: new Secret("m") });
  const { logins, guarded } = house({ login });
  const one = exchange(testClient(), "GET /", { fields: basic("alice", "s3cret") });
  const admission = await admitted(logins, one);
  const leg = webLeg({ login: { ...RELAY, strategy: "master" } });
  await admission.present(leg, []);
  t.is(admission.answered(401), 0);
  const failure = admission.refused(leg);
  t.true(failure instanceof Failure && failure.kind === "backend-unavailable");
  t.false(guarded.some((line) => line.startsWith("failed")));
});

test("edge: the login state of a connection ends with it", async (t) => {
  let closed = 0;
  const gss = (): GssAcceptor => ({
    ...acceptor(),
    step: () => ({ token: Buffer.from("more"), done: false }),
    close: () => (closed += 1),
  });
  const { logins } = house({ proofs: { gss, principal: (name: string) => Promise.resolve(name) } });
  const from: ClientConnection & { close(): void } = testClient();
  await refused(t, logins, exchange(from, "GET /", { fields: ["Authorization", `Negotiate ${TICKET.toString("base64")}`] }), 401);
  from.close();
  t.is(closed, 1);
});
