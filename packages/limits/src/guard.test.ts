import { array, assert, asyncProperty, constantFrom, integer, record } from "fast-check";
import test from "ava";
import { createFakeClock } from "@postern/testing";
import { createLoginGuard } from "./guard.ts";
import { LOGIN, password } from "./test/helpers.ts";

const HOST = "192.0.2.1";

test("login guard: the delay doubles with each new failure, up to the maximum", (t) => {
  const guard = createLoginGuard(LOGIN, createFakeClock());
  const told = [1, 2, 3, 4, 5, 6].map((n) => guard.failed(HOST, "alice", password(`guess ${n}`)));
  t.deepEqual(told, [3000, 6000, 12_000, 15_000, 15_000, 15_000]);
});

test("login guard: the next attempt waits before its password is looked at", (t) => {
  const guard = createLoginGuard(LOGIN, createFakeClock());
  t.is(guard.delayBefore(HOST), 0);
  guard.failed(HOST, "alice", password("one"));
  t.is(guard.delayBefore(HOST), 3000);
  guard.failed(HOST, "alice", password("two"));
  t.is(guard.delayBefore(HOST), 9000);
});

test("login guard: an unknown user and a wrong password are told no after the same time", (t) => {
  const guard = createLoginGuard(LOGIN, createFakeClock());
  t.is(guard.failed("192.0.2.1", "alice", password("wrong")), guard.failed("192.0.2.2", "nobody", password("wrong")));
});

test("login guard: repeats of the same wrong password for the same user add nothing", (t) => {
  const guard = createLoginGuard(LOGIN, createFakeClock());
  guard.failed(HOST, "alice", password("old password"));
  for (let n = 0; n < 20; n += 1) t.is(guard.failed(HOST, "alice", password("old password")), 6000);
});

test("login guard: the same password for another user is a new failure", (t) => {
  const guard = createLoginGuard(LOGIN, createFakeClock());
  guard.failed(HOST, "alice", password("Summer2026"));
  guard.failed(HOST, "bob", password("Summer2026"));
  t.is(guard.failed(HOST, "carol", password("Summer2026")), 12_000);
});

test("login guard: secrets that were wiped are never taken for repeats", (t) => {
  const guard = createLoginGuard(LOGIN, createFakeClock());
  const wiped = password("guess");
  wiped.secret.wipe();
  t.deepEqual(
    [1, 2, 3].map(() => guard.failed(HOST, "alice", wiped)),
    [3000, 6000, 12_000],
  );
});

test("login guard: a success takes one failure back", (t) => {
  const guard = createLoginGuard(LOGIN, createFakeClock());
  guard.failed(HOST, "alice", password("one"));
  guard.failed(HOST, "alice", password("two"));
  guard.succeeded(HOST, "bob");
  t.is(guard.delayBefore(HOST), 3000);
  guard.succeeded(HOST, "bob");
  guard.succeeded(HOST, "bob");
  t.is(guard.delayBefore(HOST), 0);
});

test("login guard: an address is forgotten after its quiet time, and repeats do not prolong it", async (t) => {
  const clock = createFakeClock();
  const guard = createLoginGuard(LOGIN, clock);
  guard.failed(HOST, "alice", password("one"));
  await clock.advance(LOGIN.forget - 1);
  guard.failed(HOST, "alice", password("one"));
  t.is(guard.delayBefore(HOST), 3000);
  await clock.advance(1);
  t.is(guard.delayBefore(HOST), 0);
  t.is(guard.failed(HOST, "alice", password("one")), 3000);
});

test("login guard: an IPv6 /64 is one address, and no address slows down another", (t) => {
  const guard = createLoginGuard(LOGIN, createFakeClock());
  guard.failed("2001:db8::1", "alice", password("one"));
  t.is(guard.delayBefore("2001:db8::2"), 3000);
  t.is(guard.delayBefore("2001:db8:0:1::1"), 0);
  t.is(guard.delayBefore(HOST), 0);
});

test("login guard: failures from exempt networks wait, but do not grow", (t) => {
  const guard = createLoginGuard({ ...LOGIN, exempt: [{ address: "10.0.0.0", prefix: 8, family: "ipv4" }] }, createFakeClock());
  for (let n = 0; n < 5; n += 1) t.is(guard.failed("::ffff:10.1.1.1", "alice", password(`guess ${n}`)), 3000);
  t.is(guard.delayBefore("10.1.1.1"), 0);
  t.is(guard.addresses(), 0);
});

test("login guard: a failure delay of zero switches all delays off", (t) => {
  const guard = createLoginGuard({ ...LOGIN, failureDelay: 0 }, createFakeClock());
  for (let n = 0; n < 2000; n += 1) t.is(guard.failed(HOST, "alice", password(`guess ${n}`)), 0);
  t.is(guard.delayBefore(HOST), 0);
});

test("login guard: forgets the address with the oldest failure when there are too many", (t) => {
  const guard = createLoginGuard(LOGIN, createFakeClock(), { addresses: 3, passwords: 2 });
  for (const host of ["a", "b", "c"]) guard.failed(host, "alice", password("one"));
  guard.failed("a", "alice", password("two"));
  guard.failed("d", "alice", password("one"));
  t.is(guard.addresses(), 3);
  t.deepEqual(
    ["a", "b", "c", "d"].map((host) => guard.delayBefore(host)),
    [9000, 0, 3000, 3000],
  );
});

test("login guard: forgets the oldest wrong password of an address when there are too many", (t) => {
  const guard = createLoginGuard({ ...LOGIN, maxDelay: 300_000 }, createFakeClock(), { addresses: 3, passwords: 2 });
  for (const guess of ["one", "two", "three"]) guard.failed(HOST, "alice", password(guess));
  t.is(guard.failed(HOST, "alice", password("three")), 24_000);
  t.is(guard.failed(HOST, "alice", password("one")), 24_000);
  t.is(guard.delayBefore(HOST), 45_000);
});

test("login guard: addresses whose time is over leave the memory when new ones come", async (t) => {
  const clock = createFakeClock();
  const guard = createLoginGuard(LOGIN, clock);
  for (let n = 0; n < 200; n += 1) guard.failed(`192.0.2.${n}`, "alice", password("one"));
  t.is(guard.addresses(), 200);
  await clock.advance(LOGIN.forget);
  guard.failed("198.51.100.1", "alice", password("one"));
  t.is(guard.addresses(), 1);
});

type Step = { readonly at: number; readonly host: number; readonly what: "fail" | "succeed"; readonly guess: number };

test("login guard: whatever happens, delays stay in their range and memory in its bounds", async (t) => {
  const steps = array(
    record<Step>({
      at: integer({ min: 0, max: 90_000 }),
      host: integer({ min: 0, max: 5 }),
      what: constantFrom("fail", "fail", "succeed"),
      guess: integer({ min: 0, max: 4 }),
    }),
    { maxLength: 60 },
  );
  await assert(
    asyncProperty(steps, async (all) => {
      const clock = createFakeClock();
      const guard = createLoginGuard(LOGIN, clock, { addresses: 4, passwords: 3 });
      for (const { at, host, what, guess } of all) {
        await clock.advance(at);
        const before = guard.delayBefore(`host ${host}`);
        t.true(before >= 0 && before <= LOGIN.maxDelay - LOGIN.failureDelay);
        if (what === "succeed") {
          guard.succeeded(`host ${host}`, "alice");
          t.true(guard.delayBefore(`host ${host}`) <= before);
        } else {
          t.is(guard.failed(`host ${host}`, "alice", password(`guess ${guess}`)), before + LOGIN.failureDelay);
          t.true(guard.delayBefore(`host ${host}`) >= before);
        }
        t.true(guard.addresses() <= 4);
      }
      await clock.advance(LOGIN.forget);
      for (let host = 0; host <= 5; host += 1) t.is(guard.delayBefore(`host ${host}`), 0);
    }),
  );
});
