import test from "ava";
import { createMemoryState } from "./memory.ts";
import { stateSuite } from "./suite.ts";

stateSuite(test, "memory state", async () => createMemoryState());

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
  t.deepEqual(state.sizes(), { keys: 0, owners: 0 });
});
