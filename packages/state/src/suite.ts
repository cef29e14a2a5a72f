// What every SharedState must do, as tests. Each implementation runs it; `create` gives a fresh, empty state whose time is
// the test's.

import type { ExecutionContext, TestFn } from "ava";
import type { SharedState } from "@postern/contracts";

/** Time that only a test moves. */
export class TestTime {
  at = 1_000_000;
  readonly now = (): number => this.at;
}

type Create = (t: ExecutionContext, time: TestTime) => Promise<SharedState>;

/** Registers the tests of SharedState under the implementation's name. */
export function stateSuite(test: TestFn, name: string, createAt: Create): void {
  const create = (t: ExecutionContext): Promise<SharedState> => createAt(t, new TestTime());

  test(`${name}: gives out as many places as the limit says, then no more`, async (t) => {
    const state = await create(t);
    t.true(await state.take("user:alice", 2));
    t.true(await state.take("user:alice", 2));
    t.false(await state.take("user:alice", 2));
    t.is(await state.count("user:alice"), 2);
  });

  test(`${name}: a place given back can be taken again`, async (t) => {
    const state = await create(t);
    t.true(await state.take("user:alice", 1));
    state.give("user:alice");
    t.is(await state.count("user:alice"), 0);
    t.true(await state.take("user:alice", 1));
    t.false(await state.take("user:alice", 1));
  });

  test(`${name}: keys do not share places`, async (t) => {
    const state = await create(t);
    t.true(await state.take("user:alice", 1));
    t.true(await state.take("user:alice2", 1));
    state.give("user:alice2");
    t.false(await state.take("user:alice", 1));
  });

  test(`${name}: the limit holds among takes at the same moment`, async (t) => {
    const state = await create(t);
    const taken = await Promise.all(Array.from({ length: 100 }, () => state.take("all", 10)));
    t.is(taken.filter(Boolean).length, 10);
    t.is(await state.count("all"), 10);
  });

  test(`${name}: asks of one turn are done in their order`, async (t) => {
    const state = await create(t);
    const first = state.take("all", 1);
    const refused = state.take("all", 1);
    state.give("all");
    const again = state.take("all", 1);
    t.deepEqual(await Promise.all([first, refused, again]), [true, false, true]);
  });

  test(`${name}: giving back more than was taken leaves no room above the limit`, async (t) => {
    const state = await create(t);
    state.give("all");
    state.give("all");
    t.true(await state.take("all", 1));
    t.false(await state.take("all", 1));
  });

  test(`${name}: a lower limit refuses until enough places are free`, async (t) => {
    const state = await create(t);
    for (let n = 0; n < 3; n += 1) t.true(await state.take("all", 3));
    state.give("all");
    t.false(await state.take("all", 2));
    state.give("all");
    t.true(await state.take("all", 2));
  });

  test(`${name}: any text is a key`, async (t) => {
    const state = await create(t);
    for (const key of ["", "__proto__", "a\r\nb", "ünïcode\u2028", "x".repeat(5000)]) {
      t.true(await state.take(key, 1), JSON.stringify(key));
      t.false(await state.take(key, 1), JSON.stringify(key));
    }
  });

  test(`${name}: hits add up in their window, and begin anew after it`, async (t) => {
    const time = new TestTime();
    const state = await createAt(t, time);
    t.is(await state.hit("client", 1000), 1);
    time.at += 999;
    t.is(await state.hit("client", 1000), 2);
    time.at += 1;
    t.is(await state.hit("client", 1000), 1);
  });

  test(`${name}: each key has hits of its own, and they are no places`, async (t) => {
    const state = await create(t);
    t.is(await state.hit("one", 1000), 1);
    t.is(await state.hit("other", 1000), 1);
    t.is(await state.count("one"), 0);
    t.is(await state.recall("one"), undefined);
  });

  test(`${name}: hits of the same moment are all counted`, async (t) => {
    const state = await create(t);
    const hits = await Promise.all(Array.from({ length: 50 }, () => state.hit("all", 1000)));
    t.deepEqual(
      hits,
      Array.from({ length: 50 }, (_, n) => n + 1),
    );
  });

  test(`${name}: a mark tells how old it is, and remembering it again keeps its age`, async (t) => {
    const time = new TestTime();
    const state = await createAt(t, time);
    t.is(await state.recall("seen"), undefined);
    t.is(await state.remember("seen", 1000), 0);
    t.is(await state.recall("seen"), 0);
    time.at += 600;
    t.is(await state.remember("seen", 1000), 600);
    time.at += 600;
    t.is(await state.recall("seen"), 1200);
  });

  test(`${name}: a mark that was not renewed is forgotten, and the next one is new`, async (t) => {
    const time = new TestTime();
    const state = await createAt(t, time);
    await state.remember("seen", 1000);
    time.at += 1000;
    t.is(await state.recall("seen"), undefined);
    t.is(await state.remember("seen", 1000), 0);
  });

  test(`${name}: a clock that is set back makes no mark younger than new`, async (t) => {
    const time = new TestTime();
    const state = await createAt(t, time);
    await state.remember("seen", 1000);
    time.at -= 500;
    t.is(await state.recall("seen"), 0);
  });

  test(`${name}: who claims first keeps it while it is renewed, by anybody`, async (t) => {
    const time = new TestTime();
    const state = await createAt(t, time);
    t.is(await state.claim("group", "mbx1", 1000), "mbx1");
    time.at += 600;
    t.is(await state.claim("group", "mbx2", 1000), "mbx1");
    time.at += 600;
    t.is(await state.claim("group", "mbx2", 1000), "mbx1");
    time.at += 1000;
    t.is(await state.claim("group", "mbx2", 1000), "mbx2");
    t.is(await state.claim("other", "mbx3", 1000), "mbx3");
  });

  test(`${name}: to ask for a claim neither makes nor renews it`, async (t) => {
    const time = new TestTime();
    const state = await createAt(t, time);
    t.is(await state.claimed("group"), undefined);
    t.is(await state.claim("group", "mbx1", 1000), "mbx1");
    time.at += 600;
    t.is(await state.claimed("group"), "mbx1");
    time.at += 400;
    t.is(await state.claimed("group"), undefined);
  });

  test(`${name}: of claims at the same moment one is kept`, async (t) => {
    const state = await create(t);
    const kept = await Promise.all(Array.from({ length: 20 }, (_, n) => state.claim("group", `mbx${n}`, 1000)));
    t.deepEqual(new Set(kept), new Set([kept[0]]));
  });
}
