import test from "ava";
import type { Ending, Failure, Session } from "@postern/contracts";
import { createFakeClock, type FakeClock } from "@postern/testing";
import { fakeSession } from "../test/front.ts";
import { Registry, type Live } from "./registry.ts";

interface FakeLive extends Live {
  readonly session: Session;
  moved: number | undefined;
  half: boolean;
  waits: boolean;
  /** Does it go when it is told to? */
  polite: boolean;
  readonly seen: string[];
}

function setUp(): { clock: FakeClock; registry: Registry; open: (id: string, user?: string, moved?: number) => FakeLive } {
  const clock = createFakeClock();
  const registry = new Registry(clock);
  const open = (id: string, user?: string, moved?: number): FakeLive => {
    const seen: string[] = [];
    const live: FakeLive = {
      session: fakeSession({ session: { id, identity: user === undefined ? undefined : { user, proven: true } } }),
      moved,
      half: false,
      waits: false,
      polite: true,
      seen,
      bytes: () => live.moved,
      halfClosed: () => live.half,
      clientWaits: () => live.waits,
      idleMs: 1_800_000,
      end(ending: Ending, failure: Failure | undefined) {
        seen.push(`${ending}: ${failure?.kind ?? "without words"}`);
        if (live.polite) registry.remove(live.session);
      },
      cut() {
        seen.push("cut");
        registry.remove(live.session);
      },
    };
    registry.add(live);
    return live;
  };
  return { clock, registry, open };
}

test("registry: a client that waits for an answer is not told goodbye in its place", async (t) => {
  const { clock, registry, open } = setUp();
  const [answered, never] = [open("answered", "alice", 100), open("never", "alice", 100)];
  answered.waits = never.waits = true;
  registry.kick("alice");
  await clock.advance(2000);
  t.deepEqual([answered.seen, never.seen], [[], []]);
  answered.waits = false;
  await clock.advance(250);
  t.deepEqual(answered.seen, ["kicked: kicked"]);
  await clock.advance(10_000);
  t.deepEqual(never.seen, ["kicked: without words"]);
});

test("registry: lists what lives", (t) => {
  const { registry, open } = setUp();
  const one = open("1");
  open("2");
  t.is(registry.size, 2);
  registry.remove(one.session);
  registry.remove(one.session);
  t.deepEqual(
    registry.list().map(({ id }) => id),
    ["2"],
  );
});

test("registry: a relayed session in which nothing moves is ended at its idle limit, one that moves is not", async (t) => {
  const { clock, open } = setUp();
  const idle = open("idle", "alice", 100);
  const busy = open("busy", "bob", 100);
  for (let minute = 0; minute < 29; minute++) {
    await clock.advance(60_000);
    busy.moved = (busy.moved ?? 0) + 1;
  }
  t.deepEqual(idle.seen, []);
  await clock.advance(180_000);
  t.deepEqual(idle.seen, ["idle: idle"]);
  t.deepEqual(busy.seen, []);
});

test("registry: a session before login is not the sweep's business", async (t) => {
  const { clock, open } = setUp();
  const early = open("early");
  await clock.advance(4 * 3_600_000);
  t.deepEqual(early.seen, []);
});

test("registry: a half-closed session that stands still is cut after a minute or so", async (t) => {
  const { clock, open } = setUp();
  const half = open("half", "alice", 100);
  half.half = true;
  await clock.advance(50_000);
  t.deepEqual(half.seen, []);
  await clock.advance(60_000);
  t.deepEqual(half.seen, ["cut"]);
});

test("registry: the sweep stops when nobody is left, and starts again with the next", async (t) => {
  const { clock, registry, open } = setUp();
  const first = open("1", "alice", 1);
  registry.remove(first.session);
  await clock.advance(60_000);
  t.is(clock.pending, 0);
  const second = open("2", "alice", 1);
  await clock.advance(1_900_000);
  t.deepEqual(second.seen, ["idle: idle"]);
});

test("registry: kick ends all sessions of one user, with words, and tells how many", async (t) => {
  const { clock, registry, open } = setUp();
  const [one, two, other] = [open("1", "alice", 1), open("2", "alice"), open("3", "bob", 1)];
  t.is(registry.kick("alice"), 2);
  t.is(registry.kick("nobody"), 0);
  await clock.advance(1000);
  t.deepEqual([one.seen, two.seen, other.seen], [["kicked: kicked"], ["kicked: kicked"], []]);
});

test("registry: goodbye waits for a quiet moment", async (t) => {
  const { clock, registry, open } = setUp();
  const live = open("1", "alice", 0);
  registry.kick("alice");
  for (let look = 0; look < 8; look++) {
    live.moved = (live.moved ?? 0) + 1;
    await clock.advance(250);
  }
  t.deepEqual(live.seen, []);
  await clock.advance(250);
  t.deepEqual(live.seen, ["kicked: kicked"]);
});

test("registry: a session that is never quiet is ended without words", async (t) => {
  const { clock, registry, open } = setUp();
  const live = open("1", "alice", 0);
  registry.kick("alice");
  for (let look = 0; look < 40; look++) {
    live.moved = (live.moved ?? 0) + 1;
    await clock.advance(250);
  }
  t.deepEqual(live.seen, ["kicked: without words"]);
});

test("registry: a session that stands still after goodbye is cut", async (t) => {
  const { clock, registry, open } = setUp();
  const live = open("1", "alice", 5);
  live.polite = false;
  registry.kick("alice");
  await clock.advance(6000);
  t.deepEqual(live.seen, ["kicked: kicked", "cut"]);
});

test("registry: a session without a relay that waits for an answer is cut later, but it is", async (t) => {
  const { clock, registry, open } = setUp();
  const [answered, never] = [open("answered", "alice"), open("never", "alice")];
  for (const live of [answered, never]) {
    live.polite = false;
    live.waits = true;
  }
  registry.kick("alice");
  await clock.advance(20_000);
  t.deepEqual([answered.seen, never.seen], [["kicked: kicked"], ["kicked: kicked"]]);
  registry.remove(answered.session);
  await clock.advance(10_000);
  t.deepEqual([answered.seen, never.seen], [["kicked: kicked"], ["kicked: kicked", "cut"]]);
});

test("registry: drain spreads goodbyes over its time and is over when all are gone", async (t) => {
  const { clock, registry, open } = setUp();
  const all = Array.from({ length: 10 }, (_, index) => open(String(index), "alice", 1));
  let over = false;
  const drained = registry.drain(10_000).then(() => {
    over = true;
  });
  await clock.advance(5000);
  const told = all.filter(({ seen }) => seen.length > 0).length;
  t.true(told >= 3 && told <= 7, `${told} of 10 at half time`);
  t.false(over);
  await clock.advance(6000);
  await drained;
  t.true(all.every(({ seen }) => seen[0] === "drained: shutting-down" && seen.length === 1));
});

test("registry: drain ends although a session will not go", async (t) => {
  const { clock, registry, open } = setUp();
  const stuck = open("1", "alice", 1);
  stuck.polite = false;
  const drained = registry.drain(1000);
  await clock.advance(20_000);
  await drained;
  t.deepEqual(stuck.seen, ["drained: shutting-down", "cut"]);
});

test("registry: drain of an empty house is over at once", async (t) => {
  const { registry } = setUp();
  await t.notThrowsAsync(registry.drain(60_000));
});
