// Everything that can be checked without running the gateway: one table, one line for each, and the details of those that
// fail. `node scripts/check.ts` runs them by themselves; scripts/test runs them before the tests.

import { join } from "node:path";
import { checkDependencies } from "./check-dependencies.ts";
import { checkLayers } from "./check-layers.ts";
import { checkTests } from "./check-tests.ts";
import { checkUnits } from "./check-units.ts";
import { checkWords } from "./check-words.ts";
import { ROOT, run } from "./lib/run.ts";
import { filesOf } from "./lib/workspace.ts";

interface Check {
  readonly name: string;
  /** What holds when it passes. */
  readonly holds: string;
  /** What is wrong; empty when nothing is. */
  readonly problems: () => Promise<readonly string[]>;
}

/** A program that says by its exit code whether something is wrong. */
const program =
  (name: string, ...args: string[]) =>
  async (): Promise<readonly string[]> => {
    const { code, output } = await run(name, args);
    return code === 0 ? [] : [output.trim() || `${name} exited with ${code}`];
  };

const CHECKS: readonly Check[] = [
  { name: "types", holds: "the compiler agrees", problems: program("tsc", "-p", "tsconfig.json") },
  { name: "lint", holds: "no suspicious code", problems: program("oxlint", "--type-aware") },
  { name: "format", holds: "written as oxfmt writes", problems: program("oxfmt", "--check") },
  { name: "layers", holds: "only allowed imports (layers.json)", problems: () => checkLayers(ROOT) },
  { name: "depends", holds: "every dependency is pinned, with its reason on the page", problems: () => checkDependencies(ROOT) },
  { name: "words", holds: "no protocol's word in contracts, net and core", problems: () => checkWords(ROOT) },
  { name: "generated", holds: "generated files are up to date", problems: program("node", "scripts/generate.ts", "--check") },
  { name: "shell", holds: "shell scripts are well-formed", problems: checkShell },
  { name: "tests", holds: "every test file is run", problems: () => checkTests(ROOT) },
  {
    name: "units",
    holds: "systemd accepts the units, exposure below 2.0",
    problems: () => checkUnits(join(ROOT, "scripts/systemd")),
  },
];

async function checkShell(): Promise<readonly string[]> {
  const files = await filesOf(ROOT, [".ci/run", "scripts/{try,test,install,package}", "scripts/**/*.sh"]);
  const results = await Promise.all(files.map((file) => run("bash", ["-n", file])));
  return results.filter(({ code }) => code !== 0).map(({ output }) => output.trim());
}

/** Runs the checks one after the other, without those left out by name. */
export async function runChecks(leftOut: readonly string[] = []): Promise<{ passed: number; failed: number }> {
  const counts = { passed: 0, failed: 0 };
  for (const { name, holds, problems } of CHECKS.filter((check) => !leftOut.includes(check.name))) {
    const found = await problems().catch((error: unknown) => [error instanceof Error ? error.message : String(error)]);
    counts[found.length === 0 ? "passed" : "failed"]++;
    console.log(`${found.length === 0 ? "✔" : "✘"} ${name.padEnd(10)} ${holds}`);
    for (const problem of found) console.log(problem.replace(/^/gm, "    "));
  }
  return counts;
}

if (import.meta.main) {
  const { passed, failed } = await runChecks();
  console.log(`\n${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}
