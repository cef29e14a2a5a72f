import test from "ava";
import { isPersistent, restMs } from "./persistence.ts";

const head = (minor: 0 | 1, ...fields: readonly string[]) => ({ status: 200, reason: "", minor, fields });

for (const [minor, connection, expected] of [
  [1, undefined, true],
  [1, "keep-alive", true],
  [1, "close", false],
  [1, "Keep-Alive, CLOSE", false],
  [1, "closed", true],
  [0, undefined, false],
  [0, "Keep-Alive", true],
  [0, "keep-alive, close", false],
] as const) {
  test(`persistence: HTTP/1.${minor} with Connection: ${connection} ${expected ? "goes on" : "ends"}`, (t) => {
    t.is(isPersistent(connection === undefined ? head(minor) : head(minor, "CONNECTION", connection), false), expected);
  });
}

test("persistence: close on a line of its own ends it, too", (t) => {
  t.false(isPersistent(head(1, "Connection", "x", "Connection", "close"), false));
});

test("persistence: behind a body in chunks, HTTP/1.0 ends, whatever it says", (t) => {
  t.false(isPersistent(head(0, "Connection", "keep-alive"), true));
  t.true(isPersistent(head(1), true));
});

for (const [value, expected] of [
  ["timeout=3", 2000],
  ["max=100, Timeout = 3", 2000],
  ['timeout="3"', 2000],
  ["timeout=1", 0],
  ["timeout=0", 0],
  ["timeout=300", 4000],
  ["timeout=-3", 4000],
  ["timeout=99999999999999999999", 4000],
  ["xtimeout=3", 4000],
  ["", 4000],
] as const) {
  test(`persistence: Keep-Alive: ${value} leaves it ${expected} of 4000 ms`, (t) => {
    t.is(restMs(head(1, "Keep-Alive", value), 4000), expected);
  });
}
