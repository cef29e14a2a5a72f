// Builds what is installed: one folder with its own Node, the gateway in one file, units, docs and licences. It needs no
// package manager and nothing of this repository where it is put. Usage: node scripts/package.ts FOLDER
// Throws when the bundle cannot be built.

import { chmod, copyFile, cp, mkdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { licenceTexts, type Metafile } from "./lib/licences.ts";
import { ROOT, run } from "./lib/run.ts";
import { filesOf } from "./lib/workspace.ts";

/** CommonJS packages in the bundle (winston …) call require(), which a module does not have. */
const REQUIRE =
  'import { createRequire as createBundleRequire } from "node:module"; const require = createBundleRequire(import.meta.url);';

/** Node's options are those of bin/postern. */
async function launcher(): Promise<string> {
  const [, options] = /^exec "\$node" (.+) "\$here/m.exec(await readFile(join(ROOT, "bin/postern"), "utf8")) ?? [];
  if (options === undefined) throw new Error("bin/postern starts no Node");
  return `#!/bin/sh
# Postern with the Node that was installed beside it.
here=$(dirname "$(readlink -f "$0")")
exec "$here/node" ${options} "$here/../lib/postern.mjs" "$@"
`;
}

/** One file each: the gateway, and the thread in which it checks password hashes. */
const ENTRIES = ["bin/postern.ts", "packages/auth/src/file/hash-thread.ts"];

/** Folders of the repository that come along as they are, and where they stand. */
const SHARED = [
  ["scripts/systemd", "share/systemd"],
  ["docs", "share/doc"],
  ["examples", "share/examples"],
] as const;

async function bundle(folder: string): Promise<void> {
  const metafile = join(folder, "meta.json");
  const { code, output: said } = await run("esbuild", [
    ...ENTRIES,
    "--bundle",
    "--platform=node",
    "--format=esm",
    "--target=node26",
    "--sourcemap=linked",
    "--keep-names",
    "--log-level=warning",
    `--banner:js=${REQUIRE}`,
    `--outdir=${join(folder, "lib")}`,
    "--entry-names=[name]",
    "--out-extension:.js=.mjs",
    `--metafile=${metafile}`,
  ]);
  if (code !== 0) throw new Error(`Cannot bundle ${ENTRIES.join(" and ")}:\n${said}`);
  const inputs = JSON.parse(await readFile(metafile, "utf8")) as Metafile;
  await rm(metafile);
  await writeFile(join(folder, "share/doc/LICENCES.txt"), await licenceTexts(ROOT, inputs));
}

async function copyNode(folder: string): Promise<void> {
  const { output } = await run("node", ["-p", "process.execPath"]);
  const node = await realpath(output.trim());
  await copyFile(node, join(folder, "bin/node"));
  await chmod(join(folder, "bin/node"), 0o755);
  await copyFile(join(ROOT, `node_modules/node-linux-${process.arch}/LICENSE`), join(folder, "share/doc/LICENCE-node.txt"));
}

/** Fills an empty or new folder with an installation. */
export async function buildPackage(folder: string): Promise<void> {
  for (const part of ["bin", "lib", "share/doc"]) await mkdir(join(folder, part), { recursive: true });
  await Promise.all([bundle(folder), copyNode(folder)]);
  await writeFile(join(folder, "bin/postern"), await launcher(), { mode: 0o755 });
  for (const [from, to] of SHARED) {
    for (const file of await filesOf(ROOT, `${from}/**/*.*`)) await cp(join(ROOT, file), join(folder, to, relative(from, file)));
  }
  await copyFile(join(ROOT, "LICENSE"), join(folder, "LICENSE"));
}

if (import.meta.main) {
  const [folder] = process.argv.slice(2);
  if (folder === undefined) throw new Error("Usage: node scripts/package.ts FOLDER");
  await buildPackage(folder);
}
