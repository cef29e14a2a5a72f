// Guessers on the web: many logins at once over HTTP/2, clients that do not wait, other spellings, and sessions of others.

import { Failure, type Credentials } from "@postern/contracts";
import type { Fields } from "@postern/http";
import test, { type ExecutionContext } from "ava";
import type { ClientConnection } from "../exchange.ts";
import type { Admission } from "../parts.ts";
import { createLogins, type Logins } from "./logins.ts";
import { Tally } from "./tally.ts";
import { ntlmAuthenticate } from "./test/ntlm.ts";
import { type TestExchange, testClient } from "../../test/exchanges.ts";
import { testService } from "../../test/parts.ts";
import { basic, exchange, scene, webLeg, type SceneOptions } from "./test/scene.ts";

const PASS = testService();
const EDGE = testService({ authentication: "edge" });
const LEG = webLeg();
const ASKS: Fields = ["WWW-Authenticate", 'Basic realm="mail"'];

function house(options: SceneOptions = {}) {
  const all = scene(options);
  return { ...all, logins: createLogins(all.parts) };
}

/** What has settled so far, behind all that can go on without a clock. */
async function settled<T>(all: readonly Promise<T>[]): Promise<number> {
  let count = 0;
  for (const one of all)
    void one.then(
      () => (count += 1),
      () => {},
    );
  for (let turns = 0; turns < 50; turns++) await Promise.resolve();
  return count;
}

async function passed(logins: Logins, one: TestExchange): Promise<Admission> {
  const admission = await logins.admit(one, PASS);
  if (admission === undefined) throw new Error("it was answered");
  await admission.present(LEG, one.request.fields);
  return admission;
}

const guesses = (from: ClientConnection, count: number): TestExchange[] =>
  Array.from({ length: count }, (_, n) => exchange(from, "GET /", { fields: basic("alice", `guess ${n}`) }));

test("guessing: of many logins at once on a shared connection a few are looked at, and the next when one is judged", async (t) => {
  const { logins } = house();
  const all = guesses(testClient({ isShared: true }), 20).map((one) => passed(logins, one));
  t.is(await settled(all), 4);
  (await all[0])?.answered(401, ASKS);
  t.is(await settled(all), 5);
  (await all[1])?.answered(403);
  (await all[2])?.release();
  t.is(await settled(all), 7);
});

test("guessing: logins that are checked at the edge take turns too", async (t) => {
  const { logins, guarded, checked, clock } = house({ delayAfter: 3000 });
  const from = testClient({ isShared: true });
  const all = guesses(from, 10).map(async (one) => logins.admit(one, EDGE));
  t.is(await settled(all), 0, "all were refused, and wait");
  t.is(checked.length, 10);
  t.is(guarded.filter((line) => line.startsWith("failed alice@example.com guess ")).length, 10);
  await clock.advance(3000);
  t.is(await settled(all), 10);
});

test("guessing: the same login in many requests is one, and waits for nobody", async (t) => {
  const { logins } = house();
  const from = testClient({ isShared: true });
  const others = guesses(from, 4).map((one) => passed(logins, one));
  const own = Array.from({ length: 50 }, () => passed(logins, exchange(from, "GET /", { fields: basic("alice", "guess 0") })));
  t.is(await settled([...others, ...own]), 54);
});

test("guessing: a login that is not judged for long, as that of a held poll, keeps nobody waiting", async (t) => {
  const { logins, clock } = house();
  const all = guesses(testClient({ isShared: true }), 8).map((one) => passed(logins, one));
  t.is(await settled(all), 4);
  await clock.advance(1000);
  t.is(await settled(all), 8);
});

test("guessing: users who share a connection stay known beside each other", async (t) => {
  const { logins, guarded } = house();
  const from = testClient({ isShared: true });
  for (let round = 0; round < 3; round++)
    for (const [user, password] of [
      ["alice", "s3cret"],
      ["bob", "geheim"],
    ] as const)
      (await logins.admit(exchange(from, "GET /", { fields: basic(user, password) }), EDGE))?.release();
  t.deepEqual(
    guarded.filter((line) => line.startsWith("succeeded")),
    ["succeeded alice@example.com", "succeeded bob@example.com"],
  );
});

async function refusedFor(t: ExecutionContext, work: Promise<unknown>): Promise<string | undefined> {
  return (await t.throwsAsync(work, { instanceOf: Failure }))?.kind;
}

test("guessing: whoever leaves before the time is over has not been looked at, and is forgotten at once", async (t) => {
  const { logins, checked, clock } = house({ delayBefore: 12_000 });
  const one = exchange(testClient({ isShared: true }), "GET /", { fields: basic("alice", "guess") });
  const work = Promise.resolve(logins.admit(one, EDGE));
  await clock.advance(1000);
  one.leave();
  t.is(await refusedFor(t, work), "client-gone");
  t.deepEqual(checked, []);
  t.is(clock.pending, 0);
});

test("guessing: whoever leaves while others have their turn waits no longer", async (t) => {
  const { logins } = house();
  const all = guesses(testClient({ isShared: true }), 5);
  const work = all.map((one) => passed(logins, one));
  t.is(await settled(work), 4);
  const refusal = refusedFor(t, work[4] ?? Promise.resolve());
  all[4]?.leave();
  t.is(await refusal, "client-gone");
});

test("guessing: what failed meanwhile counts for those who wait", async (t) => {
  let delay = 3000;
  const { logins, checked, clock } = house({
    delayBefore() {
      if (delay > 12_000) throw new Failure("too-many-failures", "100 failed logins");
      return delay;
    },
  });
  const [one, two] = guesses(testClient(), 2).map((each) => logins.admit(each, EDGE));
  delay = 6000;
  await clock.advance(3000);
  t.deepEqual(checked, []);
  await clock.advance(3000);
  await one;
  t.is(checked.length, 2);
  await two;
  delay = 3000;
  const third = Promise.resolve(logins.admit(exchange(testClient(), "GET /", { fields: basic("alice", "guess") }), EDGE));
  delay = 15_000;
  const refusal = refusedFor(t, third);
  await clock.advance(3000);
  t.is(await refusal, "too-many-failures");
  t.is(checked.length, 2);
});

test("guessing: a claim that is not looked at is wiped", async (t) => {
  const { parts } = scene({
    delayBefore() {
      throw new Failure("too-many-failures", "100 failed logins");
    },
  });
  const claim = { kind: "password", mechanism: "Basic", authcid: "alice", authzid: "" } as const;
  const secret = { isWiped: false, wipe: () => (secret.isWiped = true), reveal: () => Buffer.alloc(0) };
  const credentials = { ...claim, secret } as unknown as Credentials;
  t.is(
    await refusedFor(t, Promise.resolve(new Tally(parts).begin(exchange(testClient(), "GET /"), "proof", credentials))),
    "too-many-failures",
  );
  t.true(secret.isWiped);
});

test("guessing: all spellings of Windows are the same user's", async (t) => {
  const { logins, guarded } = house();
  for (const user of ["alice", "EXAMPLE\\alice", "other\\ALICE", "example.com\\alice"]) {
    const admission = await passed(logins, exchange(testClient(), "GET /", { fields: basic(user, "guess") }));
    admission.answered(401, ASKS);
  }
  const last = ["Authorization", `NTLM ${ntlmAuthenticate("alice").toString("base64")}`];
  (await passed(logins, exchange(testClient(), "GET /", { fields: last }))).answered(401, ASKS);
  t.deepEqual(new Set(guarded.map((line) => line.split(" ")[1])), new Set(["alice@example.com"]));
});

for (const [what, prepare] of [
  ["a cookie of the backend's", (): [ClientConnection, Fields] => [testClient(), ["Cookie", "postern=x; session=mallory"]]],
  [
    "another login of the connection",
    (): [ClientConnection, Fields] => [testClient({ pinned: new Map([["x", {} as never]]) }), []],
  ],
] as const)
  test(`guessing: a folder that ${what} may have opened shows no guess to be good`, async (t) => {
    const { logins, guarded } = house();
    const [from, fields] = prepare();
    (await passed(logins, exchange(from, "GET /dav/"))).answered(401, ASKS);
    for (const password of ["one", "two"])
      (await passed(logins, exchange(from, "GET /dav/", { fields: [...basic("alice", password), ...fields] }))).answered(200);
    t.deepEqual(new Set(guarded), new Set(["before alice@example.com"]));
  });

test("guessing: our own cookies take nothing from a good login", async (t) => {
  const { logins, guarded } = house();
  const from = testClient();
  (await passed(logins, exchange(from, "GET /dav/"))).answered(401, ASKS);
  const fields = [...basic("alice", "s3cret"), "Cookie", "postern=x; __Host-postern-login=y"];
  (await passed(logins, exchange(from, "GET /dav/", { fields }))).answered(200);
  t.deepEqual(guarded, ["before alice@example.com", "succeeded alice@example.com"]);
});
