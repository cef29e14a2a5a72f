// `postern check`: validates the configuration as `serve` would, without opening anything. Exit code 0, or 1 with every
// problem as FILE:LINE:COLUMN: key: sentence.

import type { CommandArgs } from "@postern/config";
import { readSource } from "./serve.ts";
import { usableConfig } from "./usable.ts";

export async function runCheck(args: CommandArgs): Promise<number> {
  const source = readSource(args);
  const result = await usableConfig(source);
  const { warnings } = result;
  const problems = "problems" in result ? result.problems : [];
  if (args.json) {
    process.stdout.write(`${JSON.stringify({ ok: problems.length === 0, problems, warnings })}\n`);
  } else {
    for (const problem of problems) process.stderr.write(`${problem}\n`);
    for (const warning of warnings) process.stderr.write(`${warning}\n`);
    if ("config" in result) {
      const { listeners, backends } = result.config;
      process.stdout.write(`${source.file ?? "flags"}: OK (${listeners.length} listeners, ${backends.size} backends)\n`);
    }
  }
  return problems.length === 0 ? 0 : 1;
}
