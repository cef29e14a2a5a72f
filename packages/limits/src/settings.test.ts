import test from "ava";
import { limitContradictions } from "./settings.ts";
import { DEFAULTS } from "./test/helpers.ts";

test("limit settings: the defaults do not contradict each other", (t) => {
  t.deepEqual(limitContradictions(DEFAULTS), []);
});

test("limit settings: contradictions are named by their key", (t) => {
  const login = { ...DEFAULTS.login, maxUnread: 65_536, failureDelay: 20_000, timeout: 15_000 };
  const found = limitContradictions({ ...DEFAULTS, login });
  t.deepEqual(
    found.map(({ key }) => key),
    ["login.maxUnread", "login.maxDelay", "login.timeout"],
  );
  t.is(found[1]?.problem, "must be at least failureDelay (20s), not 15s");
});

test("limit settings: a short login time is allowed when delays are switched off", (t) => {
  const login = { ...DEFAULTS.login, failureDelay: 0, timeout: 5000 };
  t.deepEqual(limitContradictions({ ...DEFAULTS, login }), []);
});
