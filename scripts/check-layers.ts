// Who may import whom: compares every package.json and every import with layers.json, so that the layers cannot rot.
// Tests may also use testing, certs, core and auth, and the tools of the root's devDependencies. Reads only. Throws when layers.json or a manifest cannot be read.

import { readFile } from "node:fs/promises";
import { isBuiltin } from "node:module";
import { dirname, join, relative } from "node:path";
import { importsOf } from "./lib/imports.ts";
import { type Manifest, readWorkspace, type WorkspacePackage } from "./lib/workspace.ts";

type Layers = Readonly<Record<string, readonly string[]>>;

const SCOPE = "@postern/";
/** What a test may use besides its package's own layers. */
const FOR_TESTS = ["testing", "certs", "core", "auth"];
/** Never part of an installation, so it alone may depend on testing outside of tests. */
const NEVER_SHIPPED = "scripts";

/** Every breach as a sentence with its place; empty when the layers hold. */
export async function checkLayers(root: string): Promise<string[]> {
  const layers = JSON.parse(await readFile(join(root, "layers.json"), "utf8")) as Layers;
  const { devDependencies: tools = {} } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as Manifest;
  const packages = await readWorkspace(root);
  const inPackages = await Promise.all(packages.map((pkg) => checkPackage(root, pkg, layers, Object.keys(tools))));
  return [...checkTable(layers, packages), ...inPackages.flat()];
}

function checkTable(layers: Layers, packages: readonly WorkspacePackage[]): string[] {
  const names = packages.map((pkg) => pkg.name);
  const unlisted = names.filter((name) => !(name in layers)).map((name) => `layers.json: does not name the package ${name}`);
  const listed = [...new Set([...Object.keys(layers), ...Object.values(layers).flat()])];
  const gone = listed.filter((name) => !names.includes(name)).map((name) => `layers.json: names ${name}, which is no package`);
  return [...unlisted, ...gone, ...cycles(layers)];
}

/** A cycle is told once, from its first name in the table's order. */
function cycles(layers: Layers): string[] {
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (name: string, path: readonly string[]): void => {
    const start = path.indexOf(name);
    if (start !== -1) found.push(`layers.json: ${[...path.slice(start), name].join(" -> ")} is a cycle`);
    if (start !== -1 || done.has(name)) return;
    for (const next of layers[name] ?? []) visit(next, [...path, name]);
    done.add(name);
  };
  for (const name of Object.keys(layers)) visit(name, []);
  return found;
}

async function checkPackage(root: string, pkg: WorkspacePackage, layers: Layers, tools: readonly string[]): Promise<string[]> {
  const checked = await Promise.all(
    pkg.sources.map(async (file) => {
      const specifiers = importsOf(await readFile(join(root, file), "utf8"));
      const problems = specifiers.map((specifier) => importProblem(pkg, file, specifier, layers, tools));
      return problems.filter((problem) => problem !== undefined).map((problem) => `${file}: ${problem}`);
    }),
  );
  return [...checkManifest(pkg, layers), ...checked.flat()];
}

function checkManifest(pkg: WorkspacePackage, layers: Layers): string[] {
  const file = `${pkg.folder}/package.json`;
  const own = (block: Readonly<Record<string, string>> | undefined) =>
    Object.keys(block ?? {})
      .filter((name) => name.startsWith(SCOPE))
      .map((name) => name.slice(SCOPE.length));
  const allowed = layers[pkg.name] ?? [];
  const breach = (name: string, where: string) => `${file}: ${where} ${SCOPE}${name}, which layers.json does not allow`;
  const problems = [
    ...own(pkg.manifest.dependencies)
      .filter((name) => !allowed.includes(name))
      .map((name) => breach(name, "depends on")),
    ...own(pkg.manifest.devDependencies)
      .filter((name) => ![...allowed, ...FOR_TESTS].includes(name))
      .map((name) => breach(name, "depends (dev) on")),
  ];
  if (pkg.manifest.name !== SCOPE + pkg.name) problems.push(`${file}: the name must be ${SCOPE}${pkg.name}`);
  if (pkg.name !== NEVER_SHIPPED && own(pkg.manifest.dependencies).includes("testing"))
    problems.push(`${file}: ${SCOPE}testing may only be a devDependency`);
  return problems;
}

/** Test code: beside the sources, in a test folder, or the suite that an interface's implementations run. */
function isTest(file: string): boolean {
  return /\.test\.ts$|\/test\/|\/suite\.ts$/.test(file);
}

function importProblem(
  pkg: WorkspacePackage,
  file: string,
  specifier: string,
  layers: Layers,
  tools: readonly string[],
): string | undefined {
  if (specifier.startsWith("node:")) return undefined;
  if (isBuiltin(specifier)) return `imports "${specifier}": write "node:${specifier}"`;
  if (specifier.startsWith(".") || specifier.startsWith("/")) return pathProblem(pkg, file, specifier);
  const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
  if (name.startsWith(SCOPE)) return ownProblem(pkg, file, specifier, name, layers);
  return isTest(file) && tools.includes(name) ? undefined : dependencyProblem(pkg, file, specifier, name);
}

function pathProblem(pkg: WorkspacePackage, file: string, specifier: string): string | undefined {
  const target = join(dirname(file), specifier);
  // The root's package.json is no package's: it holds the version of the whole.
  if (target === "package.json") return undefined;
  if (specifier.startsWith("/") || relative(pkg.folder, target).startsWith(".."))
    return `imports "${specifier}", which is outside of its package`;
  return isTest(target) && !isTest(file) ? `imports "${specifier}", which is test code` : undefined;
}

function ownProblem(pkg: WorkspacePackage, file: string, specifier: string, name: string, layers: Layers): string | undefined {
  const target = name.slice(SCOPE.length);
  if (specifier !== name) return `imports "${specifier}": use what ${name} exports`;
  if (target === pkg.name) return `imports "${specifier}", its own package: use a relative path`;
  const allowed = [...(layers[pkg.name] ?? []), ...(isTest(file) ? FOR_TESTS : [])];
  if (!allowed.includes(target)) return `imports "${specifier}", which layers.json does not allow to ${pkg.name}`;
  return dependencyProblem(pkg, file, specifier, name);
}

function dependencyProblem(pkg: WorkspacePackage, file: string, specifier: string, name: string): string | undefined {
  if (name in (pkg.manifest.dependencies ?? {})) return undefined;
  const dev = name in (pkg.manifest.devDependencies ?? {});
  if (dev && isTest(file)) return undefined;
  if (dev) return `imports "${specifier}", which is a devDependency: only tests may`;
  return `imports "${specifier}", which is not in ${pkg.folder}/package.json`;
}
