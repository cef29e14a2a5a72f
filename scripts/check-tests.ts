// A test that nobody runs proves nothing: every *.test.ts file belongs to exactly one run, and none is switched off.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { RUNS, testFiles } from "./lib/runs.ts";
import { filesOf } from "./lib/workspace.ts";

/** Test files that are not run, run twice, or hold a test that is switched off; empty when there are none. */
export async function checkTests(root: string): Promise<string[]> {
  const files = await filesOf(root, "{packages,protocols,certs,bin,scripts}/**/*.test.ts");
  const run = (await Promise.all(RUNS.map((each) => testFiles(root, each)))).flat();
  const counted = files.flatMap((file) => {
    const times = run.filter((other) => other === file).length;
    return times === 1
      ? []
      : [`${file}: is run ${times === 0 ? "by nobody" : "twice"} (ava.config.js, ava.neighbours.config.js)`];
  });
  const switchedOff = await Promise.all(
    files.map(async (file) => {
      const match = /\btest(?:\.serial)?\.(skip|only|failing|todo)\b/.exec(await readFile(join(root, file), "utf8"));
      return match === null ? [] : [`${file}: has a test.${match[1]}`];
    }),
  );
  return [...counted, ...switchedOff.flat()];
}
