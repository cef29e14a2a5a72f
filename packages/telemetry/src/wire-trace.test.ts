import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { memoryLogger, STILL, temporaryFolder } from "./test/helpers.ts";
import { createWireTrace } from "./wire-trace.ts";

function bench(
  t: ExecutionContext,
  users: readonly string[] = ["Alice@example.com"],
  more: { maxSize?: number; maxSessions?: number } = {},
) {
  const directory = join(temporaryFolder(t), "traces");
  const logger = memoryLogger();
  const trace = createWireTrace({ users, directory, maxSize: 10_000, maxSessions: 10, ...more }, logger, STILL);
  const start = (id = "Jf81nW0a") => trace.start(id) ?? t.fail("no trace");
  return { directory, logger, trace, start, read: (name: string) => readFileSync(join(directory, name), "utf8") };
}

test("wire trace: nobody named, nothing traced", (t) => {
  t.is(bench(t, []).trace.start("x"), undefined);
});

test("wire trace: a named user's dialogue is in a file of its own, from the first line", (t) => {
  const { start, read, directory } = bench(t);
  const trace = start();
  trace.line("S", "+OK ready");
  trace.line("C", "USER alice");
  trace.know("alice@example.com");
  trace.line("G", "USER alice");
  trace.line("B", "+OK\r\n");
  trace.close();
  const at = "2026-11-22T08:30:00.000Z";
  t.is(
    read("alice@example.com-Jf81nW0a.trace"),
    `${at} S: +OK ready\n${at} C: USER alice\n${at} G: USER alice\n${at} B: +OK\\x0d\\x0a\n`,
  );
  t.is(statSync(join(directory, "alice@example.com-Jf81nW0a.trace")).mode & 0o777, 0o600);
  t.is(statSync(directory).mode & 0o777, 0o700);
});

test("wire trace: of anybody else nothing is written", (t) => {
  const { start, directory } = bench(t);
  const other = start("one");
  other.line("C", "USER bob");
  other.know("bob@example.com");
  other.line("C", "PASS ***");
  other.close();
  const gone = start("two");
  gone.line("C", "QUIT");
  gone.close();
  t.false(existsSync(directory));
});

test("wire trace: two users on one connection do not mix", (t) => {
  const { start, read, directory } = bench(t);
  const trace = start();
  trace.line("C", "LOGIN bob ***");
  trace.know("bob@example.com");
  trace.line("S", "NO");
  trace.line("C", "LOGIN alice ***");
  trace.know("alice@example.com");
  trace.line("S", "NO again");
  trace.know("bob@example.com");
  trace.line("G", "LOGIN bob ***");
  trace.know("alice@example.com");
  trace.line("S", "OK");
  trace.close();
  t.deepEqual(readdirSync(directory), ["alice@example.com-Jf81nW0a.trace"]);
  const written = read("alice@example.com-Jf81nW0a.trace");
  t.regex(written, /C: LOGIN alice[^]*NO again/);
  t.notRegex(written, /C: LOGIN bob/);
  t.true(written.endsWith("S: OK\n"));
});

test("wire trace: what waits for the user is bounded", (t) => {
  const { start, read } = bench(t, ["alice@example.com"], { maxSize: 1_000_000 });
  const trace = start();
  for (let n = 0; n < 10_000; n += 1) trace.line("C", `NOOP ${n} ${"x".repeat(100)}`);
  trace.line("C", "y".repeat(100_000));
  trace.know("alice@example.com");
  trace.close();
  const written = read("alice@example.com-Jf81nW0a.trace");
  t.true(written.length < 17_000, String(written.length));
  t.true(written.includes("NOOP 9999 "));
  t.true(written.endsWith("… (98000 more characters)\n"));
});

test("wire trace: a file ends at its largest size", (t) => {
  const { start, read } = bench(t, ["alice@example.com"], { maxSize: 1024 });
  const trace = start();
  trace.know("alice@example.com");
  for (let n = 0; n < 1000; n += 1) trace.line("C", "NOOP");
  trace.close();
  const written = read("alice@example.com-Jf81nW0a.trace");
  t.true(written.length <= 1024 + 25);
  t.true(written.endsWith("-- the trace is full\n"));
});

test("wire trace: a name cannot leave the folder", (t) => {
  const { start, directory } = bench(t, ["../../etc/passwd", ".hidden"]);
  for (const [user, id] of [
    ["../../etc/passwd", "../x"],
    [".hidden", "a/b\0c"],
  ] as const) {
    const trace = start(id);
    trace.know(user);
    trace.line("C", "x");
    trace.close();
  }
  t.deepEqual(readdirSync(directory).sort(), ["__.._etc_passwd-__x.trace", "_hidden-a_b_c.trace"]);
});

test("wire trace: an existing file or link is never written to", (t) => {
  const { start, directory, logger, read } = bench(t);
  mkdirSync(directory);
  const target = join(directory, "target");
  writeFileSync(target, "mine");
  symlinkSync(target, join(directory, "alice@example.com-Jf81nW0a.trace"));
  writeFileSync(join(directory, "alice@example.com-two.trace"), "mine too");
  for (const id of ["Jf81nW0a", "two"]) {
    const trace = start(id);
    trace.know("alice@example.com");
    trace.line("C", "x");
    trace.line("C", "y");
    trace.close();
  }
  t.is(readFileSync(target, "utf8"), "mine");
  t.is(read("alice@example.com-two.trace"), "mine too");
  t.is(logger.lines.length, 2);
  t.like(logger.lines[0], { level: "warn", message: "The wire trace of a session cannot be written" });
});

test("wire trace: when the folder is full, no new trace is written", (t) => {
  const { start, directory, logger } = bench(t, ["alice@example.com"], { maxSessions: 2 });
  for (const id of ["one", "two", "three"]) {
    const trace = start(id);
    trace.know("alice@example.com");
    trace.line("C", "x");
    trace.close();
  }
  t.is(readdirSync(directory).length, 2);
  t.regex(String(logger.lines[0]?.fields?.["error"]), /there are 2 trace files already/);
});

test("wire trace: users without a directory are told of, and nothing is traced", (t) => {
  const logger = memoryLogger();
  const trace = createWireTrace({ users: ["alice@example.com"], directory: undefined, maxSize: 1, maxSessions: 1 }, logger);
  t.is(trace.start("x"), undefined);
  t.is(logger.lines.length, 1);
});
