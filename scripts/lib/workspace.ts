// The packages of the repository as they are on disk: manifests and TypeScript sources. Reads only.
// Throws when a package.json cannot be read.

import { existsSync } from "node:fs";
import { glob, readFile } from "node:fs/promises";
import { basename, join } from "node:path";

export interface WorkspacePackage {
  /** The name of the folder, which is the name in layers.json. */
  readonly name: string;
  readonly folder: string;
  readonly manifest: Manifest;
  /** Its TypeScript files, relative to the root. */
  readonly sources: readonly string[];
}

export interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

const FOLDERS = ["packages/*", "protocols/*", "certs", "bin", "scripts"];

const outside = (path: string): boolean => ["node_modules", "dist"].includes(basename(path));

/** Files below the root that match, without those of node_modules and dist, sorted. */
export async function filesOf(root: string, patterns: string | readonly string[]): Promise<string[]> {
  const files = await Array.fromAsync(glob(patterns, { cwd: root, exclude: outside }));
  return files.sort();
}

export async function readWorkspace(root: string): Promise<WorkspacePackage[]> {
  const folders = (await filesOf(root, FOLDERS)).filter((folder) => existsSync(join(root, folder, "package.json")));
  return Promise.all(
    folders.map(async (folder) => ({
      name: basename(folder),
      folder,
      manifest: JSON.parse(await readFile(join(root, folder, "package.json"), "utf8")) as Manifest,
      sources: await filesOf(root, `${folder}/**/*.ts`),
    })),
  );
}
