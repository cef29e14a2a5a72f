// The login guard's memory: what is forgotten first when there is too much.

import test from "ava";
import { createFakeClock } from "@postern/testing";
import { createLoginGuard, GUARD_BOUNDS } from "./guard.ts";
import { LOGIN, password } from "./test/helpers.ts";

const HOST = "192.0.2.1";

test("login guard: forgets the address with the oldest failure when there are too many", (t) => {
  const guard = createLoginGuard(LOGIN, createFakeClock(), { ...GUARD_BOUNDS, addresses: 3 });
  for (const host of ["a", "b", "c"]) guard.failed(host, "alice", password("one"));
  guard.failed("a", "alice", password("two"));
  guard.failed("d", "alice", password("one"));
  t.is(guard.remembered().addresses, 3);
  t.deepEqual(
    ["a", "b", "c", "d"].map((host) => guard.delayBefore(host, "bob")),
    [9000, 0, 3000, 3000],
  );
});

test("login guard: forgets the oldest wrong password of an address when there are too many", (t) => {
  const guard = createLoginGuard({ ...LOGIN, maxDelay: 300_000 }, createFakeClock(), { ...GUARD_BOUNDS, guesses: 2 });
  for (const guess of ["one", "two", "three"]) guard.failed(HOST, "alice", password(guess));
  t.is(guard.failed(HOST, "alice", password("three")), 24_000);
  t.is(guard.failed(HOST, "alice", password("one")), 24_000);
  t.is(guard.delayBefore(HOST, "alice"), 45_000);
});

test("login guard: those whose time is over leave the memory when new ones come", async (t) => {
  const clock = createFakeClock();
  const guard = createLoginGuard(LOGIN, clock);
  for (let n = 0; n < 200; n += 1) guard.failed(`192.0.2.${n}`, `user ${n}`, password("one"));
  t.deepEqual(guard.remembered(), { addresses: 200, accounts: 200, users: 0 });
  await clock.advance(LOGIN.forget);
  guard.failed("198.51.100.1", "alice", password("one"));
  t.deepEqual(guard.remembered(), { addresses: 1, accounts: 1, users: 0 });
});

test("login guard: forgets the networks of who has not logged in for longest, and of one user the oldest", (t) => {
  const guard = createLoginGuard(LOGIN, createFakeClock(), { ...GUARD_BOUNDS, users: 2, networks: 2 });
  for (const host of ["192.0.2.1", "192.0.3.1", "192.0.4.1"]) guard.succeeded(host, "alice");
  guard.succeeded("192.0.2.1", "bob");
  for (const user of ["alice", "bob"]) guard.failed("198.51.100.1", user, password("one"));
  t.deepEqual(
    ["192.0.2.1", "192.0.3.1", "192.0.4.1"].map((host) => guard.delayBefore(host, "alice")),
    [3000, 0, 0],
  );
  guard.succeeded("192.0.2.1", "carol");
  t.is(guard.remembered().users, 2);
  t.is(guard.delayBefore("192.0.4.1", "alice"), 3000);
  t.is(guard.delayBefore("192.0.2.1", "bob"), 0);
});
