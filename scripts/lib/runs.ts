// The two runs of tests: which files, and how. The file lists come from ava's own configuration files, so that ava by
// itself and scripts/test run the same.

import { join, matchesGlob } from "node:path";
import { pathToFileURL } from "node:url";
import { filesOf } from "./workspace.ts";

export interface TestRun {
  readonly name: "unit" | "neighbours";
  /** ava's configuration file, in the root. */
  readonly config: string;
  readonly args: readonly string[];
}

export const RUNS: readonly TestRun[] = [
  { name: "unit", config: "ava.config.js", args: ["--concurrency=2"] },
  { name: "neighbours", config: "ava.neighbours.config.js", args: ["--concurrency=1", "--serial"] },
];

/** The files of a run, sorted. */
export async function testFiles(root: string, { config }: TestRun): Promise<string[]> {
  const { default: settings } = (await import(pathToFileURL(join(root, config)).href)) as { default: { files: string[] } };
  const files = await filesOf(
    root,
    settings.files.filter((pattern) => !pattern.startsWith("!")),
  );
  const excluded = settings.files.filter((pattern) => pattern.startsWith("!")).map((pattern) => pattern.slice(1));
  const wanted = files.filter((file) => !excluded.some((pattern) => matchesGlob(file, pattern)));
  // Tests against real neighbours are a run of their own, whatever the other run's patterns would take.
  return config.includes("neighbours") ? wanted : wanted.filter((file) => !file.endsWith(".neighbour.test.ts"));
}
