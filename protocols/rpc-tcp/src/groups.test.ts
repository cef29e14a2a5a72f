import test from "ava";
import { createFakeClock } from "@postern/testing";
import { testState } from "../test/state.ts";
import { Groups } from "./groups.ts";

const MINUTE = 60_000;

test("groups: one that a backend has made is known there, for this client alone", async (t) => {
  const groups = new Groups(testState(), createFakeClock());
  const leave = groups.join("192.0.2.7", 5, "b");
  t.is(await groups.backendOf("192.0.2.7", 5, "a"), "b");
  t.is(await groups.backendOf("192.0.2.8", 5, "a"), "a");
  t.is(await groups.backendOf("192.0.2.7", 6, "a"), "a");
  leave();
});

test("groups: other workers know it too", async (t) => {
  const state = testState();
  const [one, other] = [new Groups(state, createFakeClock()), new Groups(state, createFakeClock())];
  const leave = one.join("192.0.2.7", 5, "b");
  t.is(await other.backendOf("192.0.2.7", 5, "a"), "b");
  leave();
});

test("groups: to ask for one that nobody knows notes nothing, whatever numbers a client makes up", async (t) => {
  const state = testState();
  const groups = new Groups(state, createFakeClock());
  for (let id = 1; id <= 100; id += 1) t.is(await groups.backendOf("192.0.2.7", id, "a"), "a");
  t.is(state.claims.size, 0);
});

test("groups: one that went to another backend because its own was down is found there by all", async (t) => {
  const state = testState();
  const [one, other] = [new Groups(state, createFakeClock()), new Groups(state, createFakeClock())];
  t.is(await one.backendOf("192.0.2.7", 5, "a"), "a");
  const leave = one.join("192.0.2.7", 5, "b");
  t.is(await other.backendOf("192.0.2.7", 5, "a"), "b");
  leave();
});

test("groups: one whose connections outlive a reload stays where it is", async (t) => {
  const clock = createFakeClock();
  const state = testState(clock);
  const leave = new Groups(state, clock).join("192.0.2.7", 5, "b");
  await clock.advance(20 * MINUTE);
  const successor = new Groups(state, clock);
  t.is(await successor.backendOf("192.0.2.7", 5, "a"), "b");
  leave();
  await clock.advance(20 * MINUTE);
  t.is(await successor.backendOf("192.0.2.7", 5, "a"), "a");
});

test("groups: the newest counts when a backend has given the number of another's anew", async (t) => {
  const groups = new Groups(testState(), createFakeClock());
  const leaveOld = groups.join("192.0.2.7", 5, "a");
  const leaveNew = groups.join("192.0.2.7", 5, "b");
  leaveOld();
  t.is(await groups.backendOf("192.0.2.7", 5, "a"), "b");
  leaveNew();
});

test("groups: a claim is renewed while there are connections, and then no more; a lost state leaves what was asked for", async (t) => {
  const clock = createFakeClock();
  const state = testState();
  let claims = 0;
  const groups = new Groups({ ...state, claim: () => Promise.resolve(void (claims += 1)) }, clock);
  const leave = groups.join("192.0.2.7", 5, "b");
  t.is(claims, 1);
  await clock.advance(2 * MINUTE);
  t.is(claims, 3);
  leave();
  await clock.advance(20 * MINUTE);
  t.is(claims, 3);
  t.is(await groups.backendOf("192.0.2.7", 5, "a"), "a");
});

test("groups: a number that another backend's group has taken is not fought for", async (t) => {
  const clock = createFakeClock();
  let claims = 0;
  const claim = (): Promise<string> => Promise.resolve(String((claims += 1)));
  const groups = new Groups({ ...testState(), claim }, clock);
  const leave = groups.join("192.0.2.7", 5, "b");
  await clock.advance(10 * MINUTE);
  t.is(claims, 1);
  leave();
});
