// One run of ava over given files, told to a person: a dot for a passed test, failures in full as they come. ava gets a
// process group of its own, which is gone when the run is over, so that a test that hangs leaves nothing behind.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { environment, ROOT } from "./run.ts";
import type { TestRun } from "./runs.ts";
import { readTap, type TapResult } from "./tap.ts";

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** Lines of the tests' own output that are shown when something failed. */
const KEPT_LINES = 200;
const DOTS_PER_LINE = 100;

/** Counts the results. A run that ended before its report was whole, or without a reason, counts as one failure more. */
export async function runAva(testRun: TestRun, files: readonly string[]): Promise<Counts> {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  if (files.length === 0) return counts;
  const ava = spawn("ava", ["--config", testRun.config, "--tap", ...testRun.args, ...files], {
    cwd: ROOT,
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const stop = endGroup(ava.pid!);
  const closed = once(ava, "close");
  const said = keepLast(createInterface({ input: ava.stderr }), KEPT_LINES);
  const results = readTap(createInterface({ input: ava.stdout }));
  let step = await results.next();
  for (; step.done !== true; step = await results.next()) {
    counts[step.value.outcome]++;
    show(step.value, counts.passed);
  }
  const [code] = (await closed) as [number | null];
  stop();
  process.stdout.write("\n");
  if (!step.value || (code !== 0 && counts.failed === 0)) {
    counts.failed++;
    console.log(`✘ ava ended before its report was whole (exit code ${code}): did a test hang?`);
  }
  if (counts.failed > 0 && said.length > 0)
    console.log(`  What the tests printed last:\n${said.join("\n").replace(/^/gm, "    ")}`);
  return counts;
}

function show({ outcome, title, detail }: TapResult, passed: number): void {
  if (outcome === "passed") process.stdout.write(passed % DOTS_PER_LINE === 0 ? `. ${passed}\n` : ".");
  else process.stdout.write(`\n${outcome === "failed" ? "✘" : "–"} ${title}\n${detail}`);
}

function keepLast(lines: ReturnType<typeof createInterface>, most: number): string[] {
  const kept: string[] = [];
  lines.on("line", (line) => {
    kept.push(line);
    if (kept.length > most) kept.shift();
  });
  return kept;
}

/** Ends what is left of a process group, now or when this process is told to stop. */
function endGroup(pid: number): () => void {
  const end = (): void => {
    try {
      process.kill(-pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // ESRCH: nothing is left, which is the aim.
    }
  };
  const interrupted = (): void => {
    end();
    process.exit(130);
  };
  process.once("SIGINT", interrupted).once("SIGTERM", interrupted);
  return () => {
    process.off("SIGINT", interrupted).off("SIGTERM", interrupted);
    end();
  };
}
