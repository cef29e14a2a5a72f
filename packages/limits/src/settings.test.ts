import test from "ava";
import { limitContradictions } from "./settings.ts";
import { DEFAULTS } from "./test/helpers.ts";

test("limit settings: the defaults do not contradict each other", (t) => {
  t.deepEqual(limitContradictions(DEFAULTS), []);
});

test("limit settings: contradictions are named by their key", (t) => {
  const login = { ...DEFAULTS.login, maxUnread: 65_536, failureDelay: 20_000, timeout: 15_000, knownGood: 1000 };
  const found = limitContradictions({ ...DEFAULTS, login });
  t.deepEqual(
    found.map(({ key }) => key),
    ["login.maxUnread", "login.maxDelay", "login.timeout", "login.knownGood"],
  );
  t.is(found[1]?.problem, "must be at least failureDelay (20s), not 15s");
  t.is(found[3]?.problem, "must be at least forget (1min), or 0s to know no network, not 1s");
});

test("limit settings: a short login time is allowed when delays are switched off", (t) => {
  const login = { ...DEFAULTS.login, failureDelay: 0, timeout: 5000 };
  t.deepEqual(limitContradictions({ ...DEFAULTS, login }), []);
});

test("limit settings: an address is delayed for as long as it can be before it is refused", (t) => {
  const problems = (refuseAfter: number): (string | undefined)[] =>
    limitContradictions({ ...DEFAULTS, login: { ...DEFAULTS.login, refuseAfter } }).map(({ problem }) => problem);
  t.deepEqual(problems(2), [
    "must be at least 3, so that the delay has reached maxDelay before anybody is refused, or 0 for never, not 2",
  ]);
  for (const allowed of [0, 3, 100]) t.deepEqual(problems(allowed), [], String(allowed));
});

test("limit settings: no known networks at all is no contradiction", (t) => {
  t.deepEqual(limitContradictions({ ...DEFAULTS, login: { ...DEFAULTS.login, knownGood: 0 } }), []);
});
