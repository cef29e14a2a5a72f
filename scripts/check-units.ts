// Checks the systemd units with systemd's own judge: `systemd-analyze verify`, and `security` with an exposure below 2.0
// for services. The programs that a unit names are not installed here, so a copy is checked in which each is `true`.
// Throws when systemd-analyze is not installed. Touches nothing but a temporary folder.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { run } from "./lib/run.ts";
import { filesOf } from "./lib/workspace.ts";

/** The highest exposure that is accepted, in tenths. */
const MAX_EXPOSURE = 20;

/** What is wrong with the units of a folder, as sentences; empty when nothing is. */
export async function checkUnits(folder: string): Promise<string[]> {
  const units = await filesOf(folder, "*.{service,socket}");
  if (units.length === 0) return [`${folder}: has no units`];
  const copies = await mkdtemp(join(tmpdir(), "postern-units-"));
  try {
    for (const unit of units) {
      const text = await readFile(join(folder, unit), "utf8");
      await writeFile(join(copies, basename(unit)), text.replace(/^(Exec\w+=)\/opt\/\S+/gm, "$1/bin/true"));
    }
    const verified = await analyze(["verify", ...units.map((unit) => join(copies, unit))], copies);
    const services = units.filter((unit) => unit.endsWith(".service"));
    const secured = await Promise.all(
      services.map((unit) => analyze(["security", "--offline=true", `--threshold=${MAX_EXPOSURE}`, join(copies, unit)], copies)),
    );
    return [verified, ...secured].flat();
  } finally {
    await rm(copies, { recursive: true });
  }
}

/** `verify` exits 0 for an unknown key, so whatever it prints is a problem; `security` prints its whole table. */
async function analyze(args: readonly string[], folder: string): Promise<string[]> {
  const { code, output } = await run("systemd-analyze", ["--no-pager", ...args]);
  const failed = code !== 0 || (args[0] === "verify" && output.trim() !== "");
  return failed ? [`systemd-analyze ${args[0]}: ${output.replaceAll(`${folder}/`, "").trim()}`] : [];
}
