// `postern check`: validates the configuration as `serve` would, without opening anything. Exit code 0, or 1 with every
// problem as FILE:LINE:COLUMN: key: sentence.

import type { CommandArgs } from "@postern/config";
import { configOf } from "./orders.ts";
import { readSource } from "./serve.ts";

export function runCheck(args: CommandArgs): Promise<number> {
  const source = readSource(args);
  const result = configOf(source);
  const problems = "problems" in result ? result.problems : [];
  const warnings = "warnings" in result ? result.warnings : [];
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
  return Promise.resolve(problems.length === 0 ? 0 : 1);
}
