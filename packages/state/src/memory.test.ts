import test from "ava";
import { createMemoryState } from "./memory.ts";
import { stateSuite, TestTime } from "./suite.ts";

stateSuite(test, "memory state", async (_t, time) => createMemoryState(time));

test("memory state: a dropped owner's places are free, the others' stay", async (t) => {
  const state = createMemoryState();
  const [dead, alive] = [{}, {}];
  t.true(await state.forOwner(dead).take("all", 3));
  t.true(await state.forOwner(dead).take("all", 3));
  t.true(await state.forOwner(alive).take("all", 3));
  state.drop(dead);
  t.is(await state.count("all"), 1);
  state.forOwner(dead).give("all");
  t.is(await state.count("all"), 1);
  state.drop(dead);
  t.is(await state.count("all"), 1);
});

test("memory state: an owner cannot give back another's place", async (t) => {
  const state = createMemoryState();
  t.true(await state.take("all", 1));
  const other = state.forOwner({});
  other.give("all");
  t.true(await other.take("user:alice", 1));
  other.give("all");
  t.false(await state.take("all", 1));
});

test("memory state: keeps nothing of places that were given back", async (t) => {
  const state = createMemoryState();
  const owner = state.forOwner({});
  for (let n = 0; n < 1000; n += 1) {
    t.true(await owner.take(`user:${n}`, 1));
    owner.give(`user:${n}`);
  }
  t.false(await owner.take("user:none", 0));
  t.deepEqual(state.sizes(), { keys: 0, owners: 0, windows: 0, marks: 0, claims: 0 });
});

test("memory state: above the bound, what was renewed longest ago is forgotten", async (t) => {
  const state = createMemoryState(new TestTime(), { windows: 3, marks: 3, claims: 3 });
  for (const key of ["a", "b", "c"]) {
    await state.remember(key, 1000);
    await state.hit(key, 1000);
    await state.claim(key, "first", 1000);
  }
  await state.remember("a", 1000);
  await state.hit("a", 1000);
  await state.remember("d", 1000);
  await state.hit("d", 1000);
  await state.claim("a", "second", 1000);
  await state.claim("d", "first", 1000);
  t.is(await state.claim("a", "third", 1000), "first");
  t.is(await state.claim("b", "third", 1000), "third");
  t.is(await state.recall("b"), undefined);
  t.is(await state.hit("b", 1000), 1);
  t.is(await state.recall("a"), 0);
  t.is(await state.hit("a", 1000), 3);
  t.deepEqual(state.sizes(), { keys: 0, owners: 0, windows: 3, marks: 3, claims: 3 });
});

test("memory state: what has ended goes when new ones come", async (t) => {
  const time = new TestTime();
  const state = createMemoryState(time);
  for (let n = 0; n < 100; n += 1) await state.remember(`old:${n}`, 1000);
  time.at += 1000;
  for (let n = 0; n < 50; n += 1) await state.remember(`new:${n}`, 1000);
  t.is(state.sizes().marks, 50);
});
