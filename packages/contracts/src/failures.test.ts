import test from "ava";
import { Failure, FAILURES, toFailure } from "./failures.ts";

for (const [kind, row] of Object.entries(FAILURES)) {
  test(`failure: ${kind} tells the client one printable line without a full stop`, (t) => {
    t.regex(row.public, /^[A-Z][\x20-\x7e]*[^.\s]$/);
  });
}

test("failure: another candidate is tried only when the backend has not answered", (t) => {
  for (const [kind, row] of Object.entries(FAILURES)) {
    if (!row.tryNext) continue;
    t.regex(kind, /^backend-/);
    t.true(["backend", "config"].includes(row.blame), kind);
  }
});

test("failure: only what the client did counts against its error budget", (t) => {
  for (const [kind, row] of Object.entries(FAILURES)) if (row.counts) t.is(row.blame, "client", kind);
});

test("failure: an unknown user and a wrong password are told in the same words", (t) => {
  t.is(FAILURES["unknown-user"].public, FAILURES["wrong-credentials"].public);
});

test("failure: carries its kind, its reason, its cause and what the backend said", (t) => {
  const cause = new Error("ECONNREFUSED");
  const failure = new Failure("backend-unavailable", "mbx1 is full", { cause, said: { code: "SYS/TEMP", text: "full" } });
  t.is(failure.message, "mbx1 is full");
  t.is(failure.cause, cause);
  t.is(failure.said?.code, "SYS/TEMP");
  t.is(failure.waitMs, 0);
  t.is(failure.row, FAILURES["backend-unavailable"]);
  t.false("cause" in new Failure("idle", "quiet"));
});

test("failure: any thrown value becomes one, and a failure stays itself", (t) => {
  const failure = new Failure("idle", "quiet");
  t.is(toFailure(failure), failure);
  const bug = new TypeError("x is not a function");
  t.like(toFailure(bug), { kind: "internal", message: "x is not a function", cause: bug });
  t.like(toFailure("odd"), { kind: "internal", message: "odd" });
});
