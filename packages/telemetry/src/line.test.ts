import test from "ava";
import { jsonLine, textLine } from "./line.ts";

const time = Date.UTC(2026, 10, 22, 8, 30);

test("text line: time, level, message, fields", (t) => {
  const fields = { user: "alice@example.com", reason: "connection refused", empty: "", count: 2, ok: true, list: ["a b"] };
  t.is(
    textLine({ time, level: "info", message: "hello", fields }),
    '2026-11-22T08:30:00.000Z info  hello user=alice@example.com reason="connection refused" empty="" count=2 ok=true list=["a b"]',
  );
});

test("text line: without a time stamp it begins with the level", (t) => {
  t.is(textLine({ time: undefined, level: "error", message: "hello", fields: {} }), "error hello");
});

test("text line: a value cannot look like another field", (t) => {
  t.is(
    textLine({ time: undefined, level: "warn", message: "m", fields: { user: 'x" level=error' } }),
    String.raw`warn  m user="x\" level=error"`,
  );
});

test("text line: durations and sizes are rounded for people", (t) => {
  const shown = (fields: Record<string, number>): string =>
    textLine({ time: undefined, level: "info", message: "m", fields }).slice(8);
  t.is(shown({ durationMs: 0 }), "duration=0s");
  t.is(shown({ durationMs: 999 }), "duration=999ms");
  t.is(shown({ durationMs: 59_700 }), "duration=1min");
  t.is(shown({ durationMs: 754_321 }), "duration=12min34s");
  t.is(shown({ durationMs: 90_000_000 }), "duration=1d1h");
  t.is(shown({ bytesIn: 0, bytesOut: 1023 }), "bytesIn=0B bytesOut=1023B");
  t.is(shown({ bytesIn: 1234, bytesOut: 3_565_158 }), "bytesIn=1.2kB bytesOut=3.4MB");
  t.is(shown({ bytesIn: 1024 ** 4 * 2000 }), "bytesIn=2000TB");
});

test("json line: has the fields after time, level and message, and none can take their place", (t) => {
  const fields = { level: "error", user: "alice", time: "never" };
  t.is(
    jsonLine({ time, level: "info", message: "hello", fields }),
    '{"time":"2026-11-22T08:30:00.000Z","level":"info","message":"hello","level_":"error","user":"alice","time_":"never"}',
  );
});
