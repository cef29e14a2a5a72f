import { Failure } from "@postern/contracts";
import test from "ava";
import { createFakeClock } from "@postern/testing";
import { createLoginGuard } from "./guard.ts";
import { LOGIN, password, refusedProof } from "./test/helpers.ts";

const HOST = "192.0.2.1";
const NEVER = { ...LOGIN, refuseAfter: 0 };
const names = (count: number, first = 0): string[] => Array.from({ length: count }, (_, n) => `user ${first + n}`);

test("login guard: the delay doubles with each new failure, up to the maximum", (t) => {
  const guard = createLoginGuard(LOGIN, createFakeClock());
  const told = [1, 2, 3, 4, 5, 6].map((n) => guard.failed(HOST, "alice", password(`guess ${n}`)));
  t.deepEqual(told, [3000, 6000, 12_000, 15_000, 15_000, 15_000]);
});

test("login guard: the next attempt waits before its password is looked at", (t) => {
  const guard = createLoginGuard(LOGIN, createFakeClock());
  t.is(guard.delayBefore(HOST, "alice"), 0);
  guard.failed(HOST, "alice", password("one"));
  t.is(guard.delayBefore(HOST, "alice"), 3000);
  guard.failed(HOST, "alice", password("two"));
  t.is(guard.delayBefore(HOST, "alice"), 9000);
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
  for (const user of ["alice", "bob", "carol"]) guard.failed(HOST, user, password("Summer2026"));
  t.is(guard.delayBefore(HOST, "dave"), 12_000);
});

test("login guard: who sprays one guess at many users waits for each, also without a name", (t) => {
  const guard = createLoginGuard(LOGIN, createFakeClock());
  guard.failed(HOST, "alice", password("one"));
  guard.failed(HOST, "", password("one"));
  t.is(guard.delayBefore(HOST, "bob"), 9000);
  t.is(guard.delayBefore(HOST, ""), 9000);
});

test("login guard: guesses at one account from many addresses delay it everywhere", (t) => {
  const guard = createLoginGuard(LOGIN, createFakeClock());
  for (let n = 0; n < 2; n += 1) guard.failed(`198.51.100.${n}`, "alice", password(`guess ${n}`));
  t.is(guard.delayBefore("203.0.113.9", "alice"), 9000);
  t.is(guard.failed("203.0.113.9", "alice", password("another")), 12_000);
});

test("login guard: guesses at one account do not slow down another, nor who has no name", (t) => {
  const guard = createLoginGuard(LOGIN, createFakeClock());
  for (let n = 0; n < 5; n += 1) guard.failed(`198.51.100.${n}`, "alice", password(`guess ${n}`));
  t.is(guard.delayBefore(HOST, "bob"), 0);
  t.is(guard.delayBefore(HOST, ""), 0);
});

test("login guard: the larger of the two delays counts", (t) => {
  const guard = createLoginGuard(LOGIN, createFakeClock());
  for (const user of ["bob", "carol"]) guard.failed(HOST, user, password("one"));
  guard.failed("198.51.100.1", "alice", password("one"));
  t.is(guard.delayBefore(HOST, "alice"), 9000);
  t.is(guard.delayBefore("203.0.113.9", "alice"), 3000);
});

test("login guard: one old password in many places counts once for its account", (t) => {
  const guard = createLoginGuard(LOGIN, createFakeClock());
  for (let n = 0; n < 20; n += 1) guard.failed(`198.51.100.${n}`, "alice", password("old password"));
  t.is(guard.delayBefore(HOST, "alice"), 3000);
});

test("login guard: an account is never refused, however many guess at it", (t) => {
  const guard = createLoginGuard(LOGIN, createFakeClock());
  for (let n = 0; n < 250; n += 1) guard.failed(`198.51.100.${n}`, "alice", password(`guess ${n}`));
  t.is(guard.delayBefore(HOST, "alice"), 12_000);
});

test("login guard: in a network where the user has logged in, guesses from elsewhere are not felt", (t) => {
  const guard = createLoginGuard(LOGIN, createFakeClock());
  guard.succeeded("192.0.2.1", "alice");
  guard.succeeded("2001:db8:1:2::1", "alice");
  for (let n = 0; n < 5; n += 1) guard.failed(`198.51.100.${n}`, "alice", password(`guess ${n}`));
  for (const home of ["192.0.2.1", "192.0.2.77", "::ffff:192.0.2.7", "2001:db8:1:3::9"]) {
    t.is(guard.delayBefore(home, "alice"), 0, home);
  }
  for (const elsewhere of ["192.0.3.1", "2001:db8:2::1"]) t.is(guard.delayBefore(elsewhere, "alice"), 12_000, elsewhere);
  t.is(guard.failed("192.0.2.1", "alice", password("slip")), 3000);
});

test("login guard: a known network still feels the failures of its own address", (t) => {
  const guard = createLoginGuard(LOGIN, createFakeClock());
  guard.succeeded(HOST, "alice");
  for (let n = 0; n < 5; n += 1) guard.failed(HOST, "alice", password(`guess ${n}`));
  t.is(guard.delayBefore(HOST, "alice"), 12_000);
  t.is(guard.delayBefore("192.0.2.2", "alice"), 0);
});

test("login guard: a network is known to one user, for a time after the last login", async (t) => {
  const clock = createFakeClock();
  const guard = createLoginGuard(LOGIN, clock);
  guard.succeeded(HOST, "alice");
  await clock.advance(LOGIN.knownGood - 1);
  const attack = (user: string): unknown =>
    ["one", "two"].map((guess, n) => guard.failed(`198.51.100.${n}`, user, password(guess)));
  attack("alice");
  attack("bob");
  t.is(guard.delayBefore(HOST, "alice"), 0);
  t.is(guard.delayBefore(HOST, "bob"), 9000);
  await clock.advance(1);
  t.is(guard.delayBefore(HOST, "alice"), 9000);
});

test("login guard: with knownGood: 0s no network is known", (t) => {
  const guard = createLoginGuard({ ...LOGIN, knownGood: 0 }, createFakeClock());
  guard.succeeded(HOST, "alice");
  guard.failed("198.51.100.1", "alice", password("one"));
  t.is(guard.delayBefore(HOST, "alice"), 3000);
  t.is(guard.remembered().users, 0);
});

test("login guard: an address with very many failures is refused until they are forgotten", async (t) => {
  const clock = createFakeClock();
  const guard = createLoginGuard(LOGIN, clock);
  for (const user of names(LOGIN.refuseAfter - 1)) guard.failed(HOST, user, password("one"));
  t.is(guard.delayBefore(HOST, "alice"), 12_000);
  guard.failed(HOST, "mallory", password("one"));
  for (const user of ["alice", ""]) {
    const error = t.throws(() => guard.delayBefore(HOST, user), { instanceOf: Failure });
    t.is(error instanceof Failure && error.kind, "too-many-failures");
    t.is(error?.message, "6 failed logins from 192.0.2.1");
  }
  t.is(guard.delayBefore("192.0.2.2", "alice"), 0);
  await clock.advance(LOGIN.forget);
  t.is(guard.delayBefore(HOST, "alice"), 0);
});

test("login guard: who has logged in from a refused address's network is delayed, not refused", (t) => {
  const guard = createLoginGuard(LOGIN, createFakeClock());
  guard.succeeded("192.0.2.200", "alice");
  for (const user of names(50)) guard.failed(HOST, user, password("one"));
  t.is(guard.delayBefore(HOST, "alice"), 12_000);
  t.throws(() => guard.delayBefore(HOST, "bob"), { instanceOf: Failure });
});

test("login guard: the same wrong password never leads to a refusal, and refuseAfter: 0 refuses nobody", (t) => {
  const guard = createLoginGuard(LOGIN, createFakeClock());
  for (let n = 0; n < 100; n += 1) guard.failed(HOST, "alice", password("old password"));
  t.is(guard.delayBefore(HOST, "alice"), 3000);
  const never = createLoginGuard(NEVER, createFakeClock());
  for (const user of names(100)) never.failed(HOST, user, password("one"));
  t.is(never.delayBefore(HOST, "bob"), 12_000);
});

test("login guard: proofs without a secret count until the delay is the longest, and never refuse one user", (t) => {
  const guard = createLoginGuard(LOGIN, createFakeClock());
  const told = Array.from({ length: 50 }, () => guard.failed(HOST, "alice", refusedProof()));
  t.deepEqual(told.slice(0, 5), [3000, 6000, 12_000, 15_000, 15_000]);
  t.is(guard.delayBefore(HOST, "alice"), 12_000);
  t.is(guard.delayBefore("198.51.100.1", "alice"), 12_000);
});

test("login guard: proofs without a secret, sprayed over many users, are refused", (t) => {
  const guard = createLoginGuard(LOGIN, createFakeClock());
  for (const user of names(LOGIN.refuseAfter)) guard.failed(HOST, user, refusedProof());
  t.throws(() => guard.delayBefore(HOST, "alice"), { instanceOf: Failure });
});

test("login guard: digests differ each time, so they count like proofs without a secret", (t) => {
  const guard = createLoginGuard(LOGIN, createFakeClock());
  for (let n = 0; n < 20; n += 1) {
    guard.failed(HOST, "alice", { ...password(`digest ${n}`), kind: "digest", mechanism: "CRAM-MD5", salt: `<${n}@x>` });
  }
  t.is(guard.delayBefore(HOST, "alice"), 12_000);
});

test("login guard: a wiped password is not taken for a repeat while the delay grows", (t) => {
  const guard = createLoginGuard(LOGIN, createFakeClock());
  const wiped = password("guess");
  wiped.secret.wipe();
  t.deepEqual(
    [1, 2, 3].map(() => guard.failed(HOST, "alice", wiped)),
    [3000, 6000, 12_000],
  );
});

test("login guard: a success takes the user's own slips back, all of them", (t) => {
  const guard = createLoginGuard(LOGIN, createFakeClock());
  for (const slip of ["one", "two", "three"]) guard.failed(HOST, "alice", password(slip));
  guard.failed("198.51.100.1", "alice", password("a guess of somebody else"));
  guard.succeeded(HOST, "alice");
  t.is(guard.delayBefore(HOST, "bob"), 0);
  t.is(guard.delayBefore("203.0.113.9", "alice"), 3000);
  t.is(guard.failed(HOST, "alice", password("one")), 3000);
  t.is(guard.delayBefore(HOST, "alice"), 0, "a slip that was taken back is still a repeat");
});

test("login guard: successes of many users take the failures of their neighbour back", (t) => {
  const guard = createLoginGuard(LOGIN, createFakeClock());
  for (const guess of ["one", "two"]) guard.failed(HOST, "mallory", password(guess));
  guard.succeeded(HOST, "alice");
  t.is(guard.delayBefore(HOST, "alice"), 3000);
  guard.succeeded(HOST, "bob");
  guard.succeeded(HOST, "carol");
  t.is(guard.delayBefore(HOST, "alice"), 0);
});

test("login guard: who owns an account cannot take back guess after guess with it", async (t) => {
  const clock = createFakeClock();
  const guard = createLoginGuard(LOGIN, clock);
  for (const user of names(5)) {
    guard.failed(HOST, user, password("one"));
    guard.succeeded(HOST, "mallory");
  }
  t.is(guard.delayBefore(HOST, "mallory"), 12_000);
  await clock.advance(LOGIN.forget - 1);
  guard.failed(HOST, "alice", password("one"));
  await clock.advance(1);
  guard.succeeded(HOST, "mallory");
  guard.failed(HOST, "bob", password("one"));
  t.is(guard.delayBefore(HOST, "bob"), 12_000, "5 - 1 + 1 - 1 + 1 are 5");
  guard.failed(HOST, "carol", password("one"));
  t.throws(() => guard.delayBefore(HOST, "bob"), { instanceOf: Failure });
});

test("login guard: failures are forgotten after a quiet time, and repeats do not prolong it", async (t) => {
  const clock = createFakeClock();
  const guard = createLoginGuard(LOGIN, clock);
  guard.failed(HOST, "alice", password("one"));
  await clock.advance(LOGIN.forget - 1);
  guard.failed(HOST, "alice", password("one"));
  t.is(guard.delayBefore(HOST, "bob"), 3000);
  t.is(guard.delayBefore("198.51.100.1", "alice"), 3000);
  await clock.advance(1);
  t.is(guard.delayBefore(HOST, "bob"), 0);
  t.is(guard.delayBefore("198.51.100.1", "alice"), 0);
  t.is(guard.failed(HOST, "alice", password("one")), 3000);
});

test("login guard: an IPv6 /64 is one address, and no address slows down another", (t) => {
  const guard = createLoginGuard(LOGIN, createFakeClock());
  guard.failed("2001:db8::1", "alice", password("one"));
  t.is(guard.delayBefore("2001:db8::2", "bob"), 3000);
  t.is(guard.delayBefore("2001:db8:0:1::1", "bob"), 0);
  t.is(guard.delayBefore(HOST, "bob"), 0);
});

test("login guard: exempt networks wait, but do not grow, and feel no guesses at the account", (t) => {
  const exempt = [{ address: "10.0.0.0", prefix: 8, family: "ipv4" as const }];
  const guard = createLoginGuard({ ...LOGIN, exempt }, createFakeClock());
  for (let n = 0; n < 20; n += 1) t.is(guard.failed("::ffff:10.1.1.1", "alice", password(`guess ${n}`)), 3000);
  guard.succeeded("10.1.1.1", "alice");
  t.deepEqual(guard.remembered(), { addresses: 0, accounts: 0, users: 0 });
  guard.failed(HOST, "alice", password("one"));
  t.is(guard.delayBefore("10.1.1.1", "alice"), 0);
});

test("login guard: a failure delay of zero switches it off: nobody is delayed or refused, nothing is remembered", (t) => {
  const guard = createLoginGuard({ ...LOGIN, failureDelay: 0 }, createFakeClock());
  for (let n = 0; n < 2000; n += 1) t.is(guard.failed(HOST, "alice", password(`guess ${n}`)), 0);
  guard.succeeded(HOST, "alice");
  t.is(guard.delayBefore(HOST, "alice"), 0);
  t.deepEqual(guard.remembered(), { addresses: 0, accounts: 0, users: 0 });
});
