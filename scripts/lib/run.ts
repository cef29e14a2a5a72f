// Runs a program of node_modules/.bin (or of the system) from the root of the repository and keeps what it prints.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { delimiter, join } from "node:path";

/** The root of the repository. */
export const ROOT = join(import.meta.dirname, "../..");

/** The environment in which node_modules/.bin comes first: `node` is Node 26, `ava`, `tsc` … are found. */
export const environment: NodeJS.ProcessEnv = {
  ...process.env,
  PATH: `${join(ROOT, "node_modules/.bin")}${delimiter}${process.env["PATH"] ?? ""}`,
};

export interface Finished {
  /** The exit code; -1 when a signal ended it. */
  readonly code: number;
  /** Standard output and standard error, as they came. */
  readonly output: string;
}

/** Waits for the program's end. Throws when it cannot be started. */
export async function run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = environment): Promise<Finished> {
  const child = spawn(program, args, { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  const [code] = (await once(child, "close")) as [number | null];
  return { code: code ?? -1, output: Buffer.concat(chunks).toString() };
}
