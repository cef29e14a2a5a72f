import test from "ava";
import { readTap, type TapResult } from "./tap.ts";

async function read(text: string): Promise<{ results: TapResult[]; whole: boolean }> {
  const results: TapResult[] = [];
  const reader = readTap(
    (async function* () {
      yield* text.split("\n");
    })(),
  );
  for (let step = await reader.next(); ; step = await reader.next()) {
    if (step.done === true) return { results, whole: step.value };
    results.push(step.value);
  }
}

test("tap: reads passed, failed and skipped tests with what is said about them", async (t) => {
  const { results, whole } = await read(`TAP version 13
ok 1 - a › good
#   a log line
not ok 2 - a › bad
  ---
    name: AssertionError
    details: 1 is not 2
  ...
ok 3 - a › later # SKIP
not ok 4 - a › some day # TODO

1..4
# tests 3
# pass 1
`);
  t.true(whole);
  t.deepEqual(results, [
    { outcome: "passed", title: "a › good", detail: "#   a log line\n" },
    { outcome: "failed", title: "a › bad", detail: "    name: AssertionError\n    details: 1 is not 2\n" },
    { outcome: "skipped", title: "a › later", detail: "" },
    { outcome: "skipped", title: "a › some day", detail: "" },
  ]);
});

test("tap: a report that stops before its plan is not whole, and its last result is not lost", async (t) => {
  const { results, whole } = await read("TAP version 13\nok 1 - a\nnot ok 2 - b\n  ---\n    name: Err");
  t.false(whole);
  t.deepEqual(
    results.map((result) => result.outcome),
    ["passed", "failed"],
  );
});

test("tap: a title that holds a number sign or an ok is a title", async (t) => {
  const { results } = await read("ok 1 - answers ok 2 with # and not ok\nnot ok 2 - SKIP me\n1..2");
  t.deepEqual(
    results.map(({ outcome, title }) => [outcome, title]),
    [
      ["passed", "answers ok 2 with # and not ok"],
      ["failed", "SKIP me"],
    ],
  );
});

test("tap: nothing is nothing", async (t) => {
  t.deepEqual(await read(""), { results: [], whole: false });
});
