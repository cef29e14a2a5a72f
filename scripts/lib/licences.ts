// The licence texts of the packages that a bundle contains: they must come along with it.

import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** What esbuild writes with --metafile, as far as it is read here: the bundled files, relative to where it ran. */
export interface Metafile {
  readonly inputs: Readonly<Record<string, unknown>>;
}

/** One text with every bundled package's name, version and licence. Throws when a package has none. */
export async function licenceTexts(root: string, metafile: Metafile): Promise<string> {
  const folders = new Set(
    Object.keys(metafile.inputs)
      .map(packageFolder)
      .filter((folder) => folder !== undefined),
  );
  const texts = await Promise.all([...folders].sort().map((folder) => licenceText(join(root, folder))));
  return texts.join(`\n${"-".repeat(80)}\n\n`);
}

/** The folder of the package that a bundled file belongs to; undefined for our own files. */
function packageFolder(file: string): string | undefined {
  return /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0];
}

async function licenceText(folder: string): Promise<string> {
  const { name, version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as Record<string, string>;
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (file === undefined && license === undefined) throw new Error(`Cannot find the licence of ${name} ${version}`);
  const text = file === undefined ? "(The package holds no licence text.)\n" : await readFile(join(folder, file), "utf8");
  const notice = join(folder, "NOTICE");
  return `${name} ${version} (${license})\n\n${text}${existsSync(notice) ? await readFile(notice, "utf8") : ""}`;
}
