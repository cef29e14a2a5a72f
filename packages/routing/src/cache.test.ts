import test from "ava";
import { Failure, Secret } from "@postern/contracts";
import type { RouteAnswer, RouteQuery, RouteSource } from "@postern/contracts";
import { createFakeClock, testPassword, testQuery } from "@postern/testing";
import type { TimedAnswer } from "./answer.ts";
import { invalidate, withCache } from "./cache.ts";
import type { CacheSettings } from "./cache.ts";
import { staticSource } from "./static.ts";
import { routeSourceSuite } from "./suite.ts";

const settings: CacheSettings = { positive: 60_000, negative: 10_000, unreachable: 5000, stale: 3_600_000, size: 100 };

/** A source that says what it is told, and counts. */
function scripted(cacheable = true) {
  const state = { asked: 0, closed: 0, say: (_query: RouteQuery): TimedAnswer | undefined => undefined };
  const source: RouteSource = {
    name: "scripted",
    cacheable,
    async find(asked) {
      state.asked += 1;
      await Promise.resolve();
      return state.say(asked);
    },
    close: () => void (state.closed += 1),
  };
  return { state, source };
}

function setUp(more: Partial<CacheSettings> = {}) {
  const clock = createFakeClock();
  const { state, source } = scripted();
  const cached = withCache(source, { ...settings, ...more }, clock);
  const ask = async (user: string, protocol = "imap"): Promise<string> => {
    try {
      return text(await cached.find(testQuery(user, testPassword(user, "pw"), { protocol })));
    } catch (error) {
      if (error instanceof Failure) return error.kind;
      throw error;
    }
  };
  return { clock, state, cached, ask };
}

const to = (backend: string, more: Partial<TimedAnswer> = {}): TimedAnswer => ({
  candidates: [{ backend }],
  why: "told",
  ...more,
});
const down = (): never => {
  throw new Failure("source-down", "it is down");
};

function text(answer: RouteAnswer | undefined): string {
  return answer === undefined ? "unknown" : answer.candidates.map((c) => ("backend" in c ? c.backend : c.host)).join(",");
}

routeSourceSuite(test, () => {
  const table = {
    users: { "alice@example.com": ["mbx1"], "bob@example.com": ["mbx2"] },
    domains: {},
    wildcards: {},
    default: [],
  };
  return Promise.resolve({
    source: withCache(staticSource(table), settings, createFakeClock()),
    homes: { "alice@example.com": [{ backend: "mbx1" }], "bob@example.com": [{ backend: "mbx2" }] },
    stranger: { user: "eve@example.com", outcome: "unknown" as const },
    stop: () => Promise.resolve(),
  });
});

test("cache: remembers a yes and a no, each for its life", async (t) => {
  const { clock, state, ask } = setUp();
  state.say = ({ user }) => (user === "alice" ? to("mbx1") : undefined);
  for (let i = 0; i < 3; i += 1) t.deepEqual([await ask("alice"), await ask("eve")], ["mbx1", "unknown"]);
  t.is(state.asked, 2);
  await clock.advance(10_000);
  t.is(await ask("eve"), "unknown");
  t.is(state.asked, 3);
  await clock.advance(49_999);
  t.is(await ask("alice"), "mbx1");
  t.is(state.asked, 3);
  await clock.advance(1);
  t.is(await ask("alice"), "mbx1");
  t.is(state.asked, 4);
});

test("cache: an answer's own life counts instead, and zero is none", async (t) => {
  const { clock, state, ask } = setUp();
  state.say = ({ user }) => to("mbx1", { ttlMs: user === "alice" ? 1000 : 0 });
  await ask("alice");
  await clock.advance(999);
  await ask("alice");
  t.is(state.asked, 1);
  await clock.advance(1);
  await ask("alice");
  t.is(state.asked, 2);
  await ask("bob");
  await ask("bob");
  t.is(state.asked, 4);
});

test("cache: keeps users and protocols apart", async (t) => {
  const { state, ask } = setUp();
  state.say = ({ user, protocol }) => to(`${protocol}-${user}`);
  t.is(await ask("alice", "imap"), "imap-alice");
  t.is(await ask("alice", "pop3"), "pop3-alice");
  t.is(await ask("bob", "imap"), "imap-bob");
  t.is(await ask("alice", "imap"), "imap-alice");
  t.is(state.asked, 3);
});

test("cache: asks once when many want the same at the same time", async (t) => {
  const { state, ask } = setUp({ positive: 0 });
  state.say = () => to("mbx1");
  const answers = await Promise.all(Array.from({ length: 100 }, () => ask("alice")));
  t.true(answers.every((answer) => answer === "mbx1"));
  t.is(state.asked, 1);
  await ask("alice");
  t.is(state.asked, 2);
});

test("cache: while the source is down a stale answer serves, until it is too old", async (t) => {
  const { clock, state, ask } = setUp();
  state.say = () => to("mbx1");
  await ask("alice");
  state.say = down;
  await clock.advance(60_000);
  t.is(await ask("alice"), "mbx1");
  t.is(await ask("bob"), "source-down");
  await clock.advance(3_599_999);
  t.is(await ask("alice"), "mbx1");
  await clock.advance(1);
  t.is(await ask("alice"), "source-down");
});

test("cache: a source that is down is not asked again at once, and its return is noticed", async (t) => {
  const { clock, state, ask } = setUp();
  state.say = down;
  for (let i = 0; i < 5; i += 1) t.is(await ask("alice"), "source-down");
  t.is(state.asked, 1);
  state.say = () => to("mbx1");
  await clock.advance(5000);
  t.is(await ask("alice"), "mbx1");
  t.is(state.asked, 2);
});

test("cache: an old no never serves while the source is down", async (t) => {
  const { clock, state, ask } = setUp();
  t.is(await ask("alice"), "unknown");
  state.say = down;
  await clock.advance(10_000);
  t.is(await ask("alice"), "source-down");
});

test("cache: a refusal is neither remembered nor replaced by a stale answer", async (t) => {
  const { clock, state, ask } = setUp();
  state.say = () => to("mbx1");
  await ask("alice");
  await clock.advance(60_000);
  state.say = () => {
    throw new Failure("route-refused", "closed");
  };
  t.is(await ask("alice"), "route-refused");
  t.is(await ask("alice"), "route-refused");
  t.is(state.asked, 3);
});

test("cache: an answer with a secret is neither remembered nor shared", async (t) => {
  const { state, cached } = setUp();
  state.say = () => to("mbx1", { login: { secret: new Secret("master") } });
  const asked = Array.from({ length: 3 }, () => cached.find(testQuery("alice", testPassword("alice", "pw"))));
  const secrets = (await Promise.all(asked)).map((answer) => answer?.login?.secret);
  t.is(new Set(secrets).size, 3);
  secrets[0]?.wipe();
  t.is(secrets[1]?.reveal().toString(), "master");
  await cached.find(testQuery("alice"));
  t.is(state.asked, 4);
});

test("cache: forgets one user in all protocols, or everybody", async (t) => {
  const { state, cached, ask } = setUp();
  state.say = () => to("mbx1");
  for (const [user, protocol] of [
    ["alice", "imap"],
    ["alice", "pop3"],
    ["bob", "imap"],
  ] as const)
    await ask(user, protocol);
  invalidate([staticSource({ users: {}, domains: {}, wildcards: {}, default: [] }), cached], "alice");
  state.say = () => to("mbx2");
  t.deepEqual([await ask("alice"), await ask("alice", "pop3"), await ask("bob")], ["mbx2", "mbx2", "mbx1"]);
  cached.invalidate();
  t.is(await ask("bob"), "mbx2");
});

test("cache: what was asked before a user was forgotten is not remembered after", async (t) => {
  const { state, cached, ask } = setUp();
  state.say = () => to("old");
  const before = ask("alice");
  cached.invalidate("alice");
  state.say = () => to("new");
  const after = ask("alice");
  await Promise.all([before, after]);
  t.is(await after, "new");
  t.is(await ask("alice"), "new");
});

test("cache: holds so many entries and no more", async (t) => {
  const { state, ask } = setUp({ size: 2 });
  state.say = () => to("mbx1");
  for (const user of ["a", "b", "c", "c", "b"]) await ask(user);
  t.is(state.asked, 3);
  await ask("a");
  t.is(state.asked, 4);
});

test("cache: tells an administrator that an answer was remembered, and why a stale one serves", async (t) => {
  const { clock, state, cached } = setUp();
  state.say = () => to("mbx1");
  t.is((await cached.find(testQuery("alice")))?.why, "told");
  await clock.advance(12_000);
  t.is((await cached.find(testQuery("alice")))?.why, "told (remembered 12s ago)");
  state.say = down;
  await clock.advance(60_000);
  t.is((await cached.find(testQuery("alice")))?.why, "told (remembered 72s ago; stale, the source is down: it is down)");
});

test("cache: refuses a source that checks passwords, and closes its source", (t) => {
  t.throws(() => withCache(scripted(false).source, settings, createFakeClock()), { message: /must not be remembered/ });
  const { state, cached } = setUp();
  cached.close();
  t.is(state.closed, 1);
});
