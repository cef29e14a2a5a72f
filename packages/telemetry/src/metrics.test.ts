import test from "ava";
import { createMetrics, METRICS, sumSnapshots, type MetricRow } from "./metrics.ts";
import { renderOpenMetrics } from "./openmetrics.ts";

test("metrics: a cell is the same number whenever it is asked for", (t) => {
  const metrics = createMetrics();
  const held = metrics.cell("sessions", "imap", "logout");
  held.add(1);
  metrics.cell("sessions", "imap", "logout").add(2);
  metrics.cell("sessions", "imap", "idle").add(1);
  t.deepEqual(metrics.snapshot().sessions, [
    { values: ["imap", "logout"], value: 3 },
    { values: ["imap", "idle"], value: 1 },
  ]);
});

test("metrics: a gauge goes both ways", (t) => {
  const metrics = createMetrics();
  const open = metrics.cell("open_sessions", "pop3");
  open.add(1);
  open.add(1);
  open.add(-1);
  t.deepEqual(metrics.snapshot().open_sessions, [{ values: ["pop3"], value: 1 }]);
});

test("metrics: a label that grows without end is counted as other", (t) => {
  const metrics = createMetrics();
  for (let n = 0; n < 5000; n += 1) metrics.cell("dials", `10.0.${n >> 8}.${n & 255}`, "ok").add(1);
  const { dials } = metrics.snapshot();
  t.is(dials.length, 1001);
  t.deepEqual(dials.at(-1), { values: ["other", "other"], value: 4000 });
});

test("metrics: snapshots of several processes add up, and survive the way between them", (t) => {
  const [one, two] = [createMetrics(), createMetrics()];
  one.cell("failures", "internal").add(1);
  two.cell("failures", "internal").add(2);
  two.cell("failures", "syntax").add(5);
  const sum = sumSnapshots([one.snapshot(), structuredClone(two.snapshot())]);
  t.deepEqual(sum.failures, [
    { values: ["internal"], value: 3 },
    { values: ["syntax"], value: 5 },
  ]);
  t.deepEqual(sum.sessions, []);
});

test("openmetrics: renders every family, counters with _total, and the end marker", (t) => {
  const metrics = createMetrics();
  metrics.cell("relayed_bytes", "imap", "out").add(2048);
  metrics.cell("open_sessions", "imap").add(3);
  const text = renderOpenMetrics(metrics.snapshot());
  const family = "# TYPE postern_relayed_bytes counter\n# UNIT postern_relayed_bytes bytes\n# HELP postern_relayed_bytes ";
  t.true(text.includes(family));
  t.true(text.includes('\npostern_relayed_bytes_total{protocol="imap",direction="out"} 2048\n'));
  t.true(text.includes('\npostern_open_sessions{protocol="imap"} 3\n'));
  t.true(text.endsWith("\n# EOF\n"));
  for (const name of Object.keys(METRICS)) t.true(text.includes(`# TYPE postern_${name} `));
});

test("openmetrics: label values are escaped", (t) => {
  const metrics = createMetrics();
  metrics.cell("dials", 'a"b\\c\nd', "failed").add(1);
  t.true(renderOpenMetrics(metrics.snapshot()).includes(String.raw`postern_dials_total{backend="a\"b\\c\nd",dial="failed"} 1`));
});

test("openmetrics: a metric with a unit is named after it", (t) => {
  for (const [name, row] of Object.entries<MetricRow>(METRICS))
    t.true(row.unit === undefined || name.endsWith(`_${row.unit}`), name);
});
