import { Failure } from "@postern/contracts";
import test, { type ExecutionContext } from "ava";
import { createLogins, type Logins } from "./logins.ts";
import type { Exchange } from "../exchange.ts";
import type { Admission } from "../parts.ts";
import { EXTENDED_PROTECTION_HINT } from "./extended-protection.ts";
import { testClient, webSession } from "../../test/exchanges.ts";
import { testService } from "../../test/parts.ts";
import { basic, exchange, scene, webLeg, type SceneOptions } from "./test/scene.ts";
import { ntlmAuthenticate, ntlmNegotiate } from "./test/ntlm.ts";

const SERVICE = testService();
const ASKS = ["WWW-Authenticate", 'Basic realm="x"'];

function house(options: SceneOptions = {}) {
  const all = scene(options);
  return { ...all, logins: createLogins(all.parts) };
}

async function passes(t: ExecutionContext, logins: Logins, one: Exchange): Promise<Admission> {
  const admission = await logins.admit(one, SERVICE);
  if (admission === undefined) throw new Error("it was answered");
  t.is(admission.identity, undefined);
  return admission;
}

/** One request, answered by the backend. */
async function asked(t: ExecutionContext, logins: Logins, one: Exchange, status: number, fields: readonly string[] = []) {
  const admission = await passes(t, logins, one);
  await admission.present(webLeg(), one.request.fields);
  const waitMs = admission.answered(status, fields);
  admission.release();
  return waitMs;
}

test("pass: the client's Authorization goes on as it is, and a backend's 401 too", async (t) => {
  const { logins } = house();
  const one = exchange(testClient(), "GET /", { fields: basic("alice", "s3cret") });
  const admission = await passes(t, logins, one);
  t.is(await admission.present(webLeg(), one.request.fields), one.request.fields);
  t.is(admission.refused(webLeg()), undefined);
});

test("pass: a first 401 without a login is no failure", async (t) => {
  const { logins, guarded } = house();
  t.is(await asked(t, logins, exchange(testClient(), "GET /"), 401, ASKS), 0);
  t.deepEqual(guarded, []);
});

test("pass: a wrong password is held back, counted, and its no delayed by what is left of the delay", async (t) => {
  const { logins, guarded, clock } = house({ delayBefore: 500, delayAfter: 3000 });
  const one = exchange(testClient(), "GET /", { fields: basic("alice", "wrong") });
  const admitting = passes(t, logins, one);
  let isAdmitted = false;
  void admitting.then(() => (isAdmitted = true));
  await clock.advance(499);
  t.false(isAdmitted, "nothing goes to the backend before");
  await clock.advance(1);
  const admission = await admitting;
  await admission.present(webLeg(), one.request.fields);
  t.is(admission.answered(401, ASKS), 2500);
  t.deepEqual(guarded, ["before alice@example.com", "before alice@example.com", "failed alice@example.com wrong"]);
});

test("pass: who has guessed too often is not let through", async (t) => {
  const { parts } = house();
  const guard = {
    ...parts.guard,
    delayBefore: (): number => {
      throw new Failure("too-many-failures", "many");
    },
  };
  const logins = createLogins({ ...parts, guard });
  const failure = await t.throwsAsync(
    async () => logins.admit(exchange(testClient(), "GET /", { fields: basic("a", "b") }), SERVICE),
    {
      instanceOf: Failure,
    },
  );
  t.is(failure?.kind, "too-many-failures");
});

test("pass: a good login counts once a connection, and costs the guard nothing afterwards", async (t) => {
  const { logins, guarded } = house();
  const from = testClient();
  const fields = basic("alice", "s3cret");
  await asked(t, logins, exchange(from, "GET /dav/?x"), 401, ASKS);
  for (let count = 0; count < 3; count++) await asked(t, logins, exchange(from, `GET /dav/?${count}`, { fields }), 200);
  t.deepEqual(guarded, ["before alice@example.com", "succeeded alice@example.com"]);
});

test("pass: what is open to everybody proves nothing", async (t) => {
  const { logins, guarded } = house();
  const from = testClient();
  const fields = basic("alice", "wrong");
  await asked(t, logins, exchange(from, "GET /private"), 401, ASKS);
  await asked(t, logins, exchange(from, "GET /public", { fields }), 200);
  await asked(t, logins, exchange(from, "OPTIONS /private", { fields }), 200);
  await asked(t, logins, exchange(from, "GET /private", { fields }), 302);
  t.deepEqual(guarded, ["before alice@example.com"]);
});

test("pass: a password that was good, and is not any more, is counted, and then looked at again", async (t) => {
  const { logins, guarded } = house({ delayAfter: 3000 });
  const from = testClient();
  const fields = basic("alice", "s3cret");
  await asked(t, logins, exchange(from, "GET /"), 401, ASKS);
  await asked(t, logins, exchange(from, "GET /", { fields }), 200);
  t.is(await asked(t, logins, exchange(from, "GET /", { fields }), 401, ASKS), 3000);
  await asked(t, logins, exchange(from, "GET /", { fields }), 401, ASKS);
  t.is(guarded.filter((one) => one.startsWith("before")).length, 2);
  t.is(guarded.filter((one) => one.startsWith("failed")).length, 2);
});

test("pass: a known login of one connection is a guess on another, and another password on the same", async (t) => {
  const { logins, guarded } = house();
  const from = testClient();
  await asked(t, logins, exchange(from, "GET /", { fields: basic("alice", "s3cret") }), 200);
  await asked(t, logins, exchange(testClient(), "GET /", { fields: basic("alice", "s3cret") }), 200);
  await asked(t, logins, exchange(from, "GET /", { fields: basic("alice", "other") }), 200);
  t.is(guarded.length, 3);
});

test("pass: odd spellings of Basic are counted by the name that a lenient backend would read", async (t) => {
  const { logins, guarded } = house();
  const encoded = (bytes: Buffer): string => bytes.toString("base64");
  const latin1 = encoded(Buffer.from("alice:s\xe8cret", "latin1"));
  for (const value of [
    `basic\t${latin1}`,
    `BASIC   ${latin1}`,
    `Basic ${encoded(Buffer.from("alice:"))}`,
    `Basic ${encoded(Buffer.from("alice"))}`,
  ])
    await asked(t, logins, exchange(testClient(), "GET /", { fields: ["Authorization", value] }), 401, ASKS);
  t.is(guarded.filter((one) => one.startsWith("failed alice@example.com")).length, 4);
});

test("pass: a Digest is counted by its name, but not when only the challenge was too old", async (t) => {
  const { logins, guarded } = house({ delayAfter: 3000 });
  const fields = ["Authorization", 'Digest username="alice", realm="x", nonce="1", response="00"'];
  t.is(
    await asked(t, logins, exchange(testClient(), "GET /", { fields }), 401, [
      "WWW-Authenticate",
      'Digest nonce="2", stale=true',
    ]),
    0,
  );
  t.is(await asked(t, logins, exchange(testClient(), "GET /", { fields }), 401, ["WWW-Authenticate", 'Digest nonce="2"']), 3000);
  t.deepEqual(guarded, ["before alice@example.com", "before alice@example.com", "failed alice@example.com "]);
});

test("pass: a bearer token that has run out is no guess", async (t) => {
  const { logins, guarded } = house();
  t.is(await asked(t, logins, exchange(testClient(), "GET /", { fields: ["Authorization", "Bearer x"] }), 401), 0);
  t.deepEqual(guarded, []);
});

const ntlm = (message: Buffer): string[] => ["Authorization", `NTLM ${message.toString("base64")}`];

test("pass: NTLM's last message is counted by its name; its first one is not", async (t) => {
  const { logins, guarded } = house();
  const from = testClient();
  await asked(t, logins, exchange(from, "GET /", { fields: ntlm(ntlmNegotiate()) }), 401, ["WWW-Authenticate", "NTLM TlRM"]);
  await asked(t, logins, exchange(from, "GET /", { fields: ntlm(ntlmAuthenticate("alice")) }), 401, ["WWW-Authenticate", "NTLM"]);
  const inside = Buffer.concat([Buffer.from("a1820100", "hex"), ntlmAuthenticate("bob")]).toString("base64");
  await asked(t, logins, exchange(from, "GET /", { fields: ["Authorization", `Negotiate ${inside}`] }), 401);
  t.deepEqual(guarded, [
    "before alice@example.com",
    "failed alice@example.com ",
    "before bob@example.com",
    "failed bob@example.com ",
  ]);
});

test("pass: hostile NTLM messages are read within their bounds", async (t) => {
  const { logins } = house();
  const whole = ntlmAuthenticate("alice");
  for (let length = 0; length < whole.length; length += 3)
    await asked(t, logins, exchange(testClient(), "GET /", { fields: ntlm(whole.subarray(0, length)) }), 401);
  const far = Buffer.from(whole);
  far.writeUInt32LE(0xfffffff0, 40);
  await asked(t, logins, exchange(testClient(), "GET /", { fields: ntlm(far) }), 401);
  t.pass();
});

test("pass: over HTTP/2 a login that belongs to a connection is asked for again over HTTP/1.1", async (t) => {
  const { logins } = house();
  const one = exchange(testClient({ isShared: true }), "GET /", { fields: ntlm(ntlmNegotiate()) });
  t.is(await logins.admit(one, SERVICE), undefined);
  t.true(one.said.asksForHttp11);
  const other = exchange(testClient({ isShared: true }), "GET /", { fields: basic("alice", "s3cret") });
  t.truthy(await logins.admit(other, SERVICE));
});

test("pass: two logins in one request are refused", async (t) => {
  const { logins } = house();
  const one = exchange(testClient(), "GET /", { fields: [...basic("alice", "s3cret"), ...basic("bob", "x")] });
  t.is((await t.throwsAsync(async () => logins.admit(one, SERVICE), { instanceOf: Failure }))?.kind, "syntax");
});

test("pass: secrets cross nothing in clear, from the client or to the backend; what is made for one challenge may", async (t) => {
  const { logins } = house();
  const open = testClient({ session: webSession({ tls: undefined }) });
  const refused = async () => logins.admit(exchange(open, "GET /", { fields: basic("alice", "s3cret") }), SERVICE);
  t.is((await t.throwsAsync(refused, { instanceOf: Failure }))?.kind, "plaintext-refused");
  t.truthy(await logins.admit(exchange(open, "GET /"), SERVICE));
  const far = webLeg({ host: "10.0.0.1" });
  for (const fields of [basic("alice", "s3cret"), ["Authorization", "Bearer x"], ["Authorization", "Secret x"]]) {
    const one = exchange(testClient(), "GET /", { fields });
    const admission = await passes(t, logins, one);
    t.is(
      (await t.throwsAsync(async () => admission.present(far, one.request.fields), { instanceOf: Failure }))?.kind,
      "backend-plaintext",
    );
    await t.notThrowsAsync(async () => admission.present({ ...far, allowPlaintext: true }, one.request.fields));
    await t.notThrowsAsync(async () => admission.present({ ...far, tls: "implicit" }, one.request.fields));
  }
  const one = exchange(testClient(), "GET /", { fields: ntlm(ntlmNegotiate()) });
  await t.notThrowsAsync(async () => (await passes(t, logins, one)).present(far, one.request.fields));
});

test("extended protection: two users refused behind a complete login are told of once an hour, and never by name", async (t) => {
  const { logins, logger, clock } = house();
  const from = testClient();
  const refuse = (user: string, status = 401) =>
    asked(t, logins, exchange(from, "POST /mapi", { fields: ntlm(ntlmAuthenticate(user)) }), status);
  await refuse("alice");
  await refuse("alice");
  t.deepEqual(logger.records, [], "one user may have a wrong password");
  await refuse("bob");
  await refuse("carol");
  t.deepEqual(
    logger.records.map(({ level, fields }) => [level, fields["backend"], fields["reason"]]),
    [["warn", "mbx1", EXTENDED_PROTECTION_HINT]],
  );
  t.notRegex(logger.text(), /alice|bob|carol/);
  await clock.advance(3_600_000);
  await refuse("bob");
  t.is(logger.records.length, 2);
});

test("extended protection: somebody who gets in between shows that it is something else", async (t) => {
  const { logins, logger } = house();
  const from = testClient();
  for (const [user, status] of [
    ["alice", 401],
    ["dave", 200],
    ["bob", 401],
  ] as const)
    await asked(t, logins, exchange(from, "POST /mapi", { fields: ntlm(ntlmAuthenticate(user)) }), status);
  t.deepEqual(logger.records, []);
});
