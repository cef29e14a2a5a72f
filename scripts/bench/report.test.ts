// The table must not lie: medians, ratios, and gaps where a peer was not measured.

import test from "ava";
import { markdownTable, median, textTable } from "./report.ts";
import type { Results } from "./report.ts";

const results = (): Results => ({
  facts: { cores: 2 },
  figures: [
    { proxy: "postern", measure: "CPU", value: 9 },
    { proxy: "postern", measure: "CPU", value: 1 },
    { proxy: "postern", measure: "CPU", value: 2 },
    { proxy: "peer", measure: "CPU", value: 4 },
    { proxy: "peer", measure: "memory", value: 30 },
  ],
  notes: ["other: does not start: no such program"],
});

test("median: takes the middle value, or the mean of the two middle ones", (t) => {
  t.is(median([9, 1, 2]), 2);
  t.is(median([4, 1, 2, 9]), 3);
});

test("table: shows each peer's median and the first proxy's ratio to it", (t) => {
  const line = textTable(results())
    .split("\n")
    .find((each) => each.startsWith("CPU"));
  t.regex(line ?? "", /^CPU\s+2\.00\s+4\.00 \(x0\.50\)$/);
});

test("table: leaves a gap, and no ratio, where there is no figure", (t) => {
  const line = textTable(results())
    .split("\n")
    .find((each) => each.startsWith("memory"));
  t.regex(line ?? "", /^memory\s+-\s+30\.0$/);
});

test("table: names what did not run, and why", (t) => {
  t.true(textTable(results()).includes("other: does not start: no such program"));
  t.true(markdownTable(results()).includes("- other: does not start: no such program"));
});
