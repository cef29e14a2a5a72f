// Every dependency has its reason in docs/dependencies.md, is pinned to one version, and to the same one everywhere; and
// the page names none that is gone.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Manifest, readWorkspace } from "./lib/workspace.ts";

const PAGE = "docs/dependencies.md";

/** What is missing or too much, as sentences; empty when the page and the package.json files agree. */
export async function checkDependencies(root: string): Promise<string[]> {
  const top = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as Manifest;
  const manifests = [top, ...(await readWorkspace(root)).map((pkg) => pkg.manifest)];
  const used = new Map<string, Set<string>>();
  for (const { dependencies, devDependencies } of manifests) {
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
      if (!version.startsWith("workspace:")) used.set(name, (used.get(name) ?? new Set()).add(version));
    }
  }
  const page = await readFile(join(root, PAGE), "utf8");
  const named = new Set([...page.matchAll(/^\| `([^`:]+)` \|/gm)].map((match) => match[1]!));
  return [
    ...[...used.keys()].filter((name) => !named.has(name)).map((name) => `${PAGE}: has no line for ${name}`),
    ...[...named].filter((name) => !used.has(name)).map((name) => `${PAGE}: names ${name}, which no package.json has`),
    ...[...used].flatMap(([name, versions]) => versionProblems(name, [...versions])),
  ];
}

function versionProblems(name: string, versions: readonly string[]): string[] {
  if (versions.length > 1) return [`package.json: ${name} has several versions: ${versions.join(", ")}`];
  return /^\d+\.\d+\.\d+$/.test(versions[0]!) ? [] : [`package.json: ${name} is not pinned to one version: ${versions[0]}`];
}
