import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import test from "ava";
import { Secret } from "@postern/contracts";
import { STILL, temporaryFolder } from "./test/helpers.ts";
import { createLogger } from "./winston.ts";

const settings = { level: "info", format: "text", timestamps: false } as const;

test("log: writes lines of its level and graver ones, at once", (t) => {
  const destination = join(temporaryFolder(t), "log");
  const logger = createLogger({ ...settings, level: "warn", destination });
  logger.debug("debug");
  logger.info("info");
  logger.warn("warn", { user: "alice" });
  logger.error("error");
  t.is(readFileSync(destination, "utf8"), "warn  warn user=alice\nerror error\n");
  t.false(logger.isDebug());
  logger.close();
});

test("log: JSON lines have a time stamp when it is asked for", (t) => {
  const destination = join(temporaryFolder(t), "log");
  const logger = createLogger({ level: "debug", format: "json", timestamps: true, destination }, STILL);
  logger.debug("hello", { user: "alice" });
  t.true(logger.isDebug());
  t.is(
    readFileSync(destination, "utf8"),
    '{"time":"2026-11-22T08:30:00.000Z","level":"debug","message":"hello","user":"alice"}\n',
  );
  logger.close();
});

test("log: neither a message nor a field can add a line, and secrets are masked", (t) => {
  const destination = join(temporaryFolder(t), "log");
  const logger = createLogger({ ...settings, destination });
  logger.info("a\nerror forged", {
    user: "b\nerror forged",
    message: "c",
    level: "error",
    stack: "d",
    secret: "hunter2",
    s: new Secret("hunter2"),
  });
  const written = readFileSync(destination, "utf8");
  t.is(written.split("\n").length, 2);
  t.true(written.startsWith(String.raw`info  a\x0aerror forged user=`));
  t.notRegex(written, /hunter2/);
  logger.close();
});

test("log: after the file was renamed, reopen writes to a new one", (t) => {
  const destination = join(temporaryFolder(t), "log");
  const logger = createLogger({ ...settings, destination });
  logger.info("one");
  renameSync(destination, `${destination}.1`);
  logger.info("two");
  logger.reopen();
  logger.info("three");
  t.is(readFileSync(`${destination}.1`, "utf8"), "info  one\ninfo  two\n");
  t.is(readFileSync(destination, "utf8"), "info  three\n");
  t.is(statSync(destination).mode & 0o007, 0);
  logger.close();
});

test("log: a reopen that fails throws, and lines go on to the old file", (t) => {
  const folder = temporaryFolder(t);
  const destination = join(folder, "log");
  const logger = createLogger({ ...settings, destination });
  renameSync(folder, `${folder}.away`);
  t.teardown(() => renameSync(`${folder}.away`, folder));
  t.throws(() => logger.reopen(), { code: "ENOENT" });
  logger.info("still here");
  t.is(readFileSync(join(`${folder}.away`, "log"), "utf8"), "info  still here\n");
  logger.close();
});

test("log: a file that cannot be opened is told at the start", (t) => {
  t.throws(() => createLogger({ ...settings, destination: join(temporaryFolder(t), "no", "log") }), { code: "ENOENT" });
});

test("log: nothing is written after close", (t) => {
  const destination = join(temporaryFolder(t), "log");
  const logger = createLogger({ ...settings, destination });
  logger.close();
  logger.error("too late");
  t.is(readFileSync(destination, "utf8"), "");
});

function runLogging(destination: string, then: string) {
  const program = `
    import { createLogger } from ${JSON.stringify(new URL("index.ts", import.meta.url).href)};
    const logger = createLogger({ level: "info", format: "text", timestamps: false, destination: "${destination}" });
    ${then}`;
  return spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: ["pipe", "pipe", "pipe"] });
}

for (const stream of ["stdout", "stderr"] as const) {
  test(`log: the last words before an exit reach ${stream}`, async (t) => {
    const child = runLogging(stream, 'logger.error("last words"); process.exit(3);');
    const [written, [code]] = await Promise.all([text(child[stream]), once(child, "exit") as Promise<[number]>]);
    t.is(written, "error last words\n");
    t.is(code, 3);
  });
}

test("log: when nobody reads it any more, the gateway goes on", async (t) => {
  const child = runLogging(
    "stdout",
    'process.stdin.once("data", () => { logger.info("one"); setImmediate(() => { logger.info("two"); setImmediate(() => process.exit(7)); }); });',
  );
  const exited = once(child, "exit") as Promise<[number]>;
  child.stdout.destroy();
  await once(child.stdout, "close");
  child.stdin.write("go\n");
  t.is((await exited)[0], 7);
});
