// All that proves the gateway, in order: the checks, the unit tests, the tests against real neighbours. scripts/test
// prepares the machine and starts this. The last line is `N passed, N failed`; running nothing is a failure.

import { matchesGlob } from "node:path";
import { type Counts, runAva } from "./lib/ava.ts";
import { ROOT } from "./lib/run.ts";
import { RUNS, testFiles, type TestRun } from "./lib/runs.ts";
import { runChecks } from "./check.ts";

/** In CI nothing is left out: a skipped test and a missing neighbour are failures. */
const inCi = (process.env["CI"] ?? "") !== "";
/** Debian packages that scripts/test could not install. */
const missing = (process.env["POSTERN_MISSING"] ?? "").split(" ").filter((name) => name !== "");

const PARTS = new Set(["checks", ...RUNS.map((testRun) => testRun.name)]);

async function checks(): Promise<Counts> {
  const leftOut = !inCi && missing.includes("systemd") ? ["units"] : [];
  return { ...(await runChecks(leftOut)), skipped: leftOut.length };
}

async function tests(testRun: TestRun, wanted: (file: string) => boolean): Promise<Counts> {
  const files = (await testFiles(ROOT, testRun)).filter(wanted);
  if (testRun.name === "neighbours" && missing.length > 0 && files.length > 0) {
    console.log(`${inCi ? "✘" : "–"} neighbours: not run, since these Debian packages are missing: ${missing.join(" ")}`);
    return { passed: 0, failed: inCi ? 1 : 0, skipped: inCi ? 0 : files.length };
  }
  if (files.length > 0) console.log(`\n${testRun.name}: ${files.length} files`);
  return runAva(testRun, files);
}

/** A pattern is a part of a file's path, or a glob. */
const matcher = (pattern: string) => (file: string) => file.includes(pattern) || matchesGlob(file, pattern);

async function main(args: readonly string[]): Promise<void> {
  const parts = args.filter((arg) => PARTS.has(arg));
  const patterns = args.filter((arg) => !PARTS.has(arg)).map(matcher);
  const runs = (name: string): boolean =>
    parts.includes(name) || (parts.length === 0 && (patterns.length === 0 || name !== "checks"));
  const wanted = (file: string): boolean => patterns.length === 0 || patterns.some((matches) => matches(file));

  const total = { passed: 0, failed: 0, skipped: 0 };
  const add = (counts: Counts): void => {
    for (const key of ["passed", "failed", "skipped"] as const) total[key] += counts[key];
  };
  if (runs("checks")) add(await checks());
  for (const testRun of RUNS) if (runs(testRun.name)) add(await tests(testRun, wanted));

  if (inCi) total.failed += total.skipped;
  if (total.skipped > 0) console.log(`\n${total.skipped} left out${inCi ? ", which CI does not allow" : ""}`);
  if (total.passed + total.failed === 0) {
    console.log("Nothing was run, which is no success. Usage: ./scripts/test [checks|unit|neighbours] [PATTERN]");
    total.failed = 1;
  }
  console.log(`\n${total.passed} passed, ${total.failed} failed`);
  process.exitCode = total.failed === 0 ? 0 : 1;
}

await main(process.argv.slice(2));
