import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { checkLayers } from "./check-layers.ts";

const manifest = (name: string, dependencies: readonly string[] = [], devDependencies: readonly string[] = []) => {
  const block = (names: readonly string[]) => Object.fromEntries(names.map((dependency) => [dependency, "*"]));
  return JSON.stringify({
    name: `@postern/${name}`,
    dependencies: block(dependencies),
    devDependencies: block(devDependencies),
  });
};

// A small house that is in order: net builds on contracts, core on both; testing serves tests.
const HOUSE = {
  "package.json": JSON.stringify({ devDependencies: { "fast-check": "*" } }),
  "layers.json": JSON.stringify({
    contracts: [],
    net: ["contracts"],
    core: ["contracts", "net"],
    testing: ["contracts"],
    scripts: ["testing"],
  }),
  "packages/contracts/package.json": manifest("contracts"),
  "packages/contracts/src/index.ts": 'import { once } from "node:events";\n',
  "packages/net/package.json": manifest("net", ["@postern/contracts", "lru-cache"], ["ava", "@postern/testing"]),
  "packages/net/src/index.ts":
    'import type { A } from "@postern/contracts";\nexport * from "./a.ts";\nimport x from "lru-cache";\n',
  "packages/net/src/a.test.ts":
    'import test from "ava";\nimport { fake } from "@postern/testing";\nimport fc from "fast-check";\n',
  "packages/core/package.json": manifest("core", ["@postern/contracts", "@postern/net"]),
  "packages/testing/package.json": manifest("testing", ["@postern/contracts"]),
  "scripts/package.json": manifest("scripts", ["@postern/testing"]),
};

/** What the check says of the house with some files changed. */
async function problems(t: ExecutionContext, changed: Readonly<Record<string, string>> = {}): Promise<string[]> {
  const root = await mkdtemp(join(tmpdir(), "postern-layers-"));
  t.teardown(() => rm(root, { recursive: true }));
  for (const [file, text] of Object.entries({ ...HOUSE, ...changed })) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), text);
  }
  return checkLayers(root);
}

const layers = (table: Readonly<Record<string, readonly string[]>>) => ({
  "layers.json": JSON.stringify({ ...(JSON.parse(HOUSE["layers.json"]) as object), ...table }),
});

test("layers: a house in order has no problem", async (t) => {
  t.deepEqual(await problems(t), []);
});

test("layers: a package may not depend on a higher one", async (t) => {
  const found = await problems(t, {
    "packages/net/package.json": manifest(
      "net",
      ["@postern/core", "@postern/contracts", "lru-cache"],
      ["ava", "@postern/testing"],
    ),
  });
  t.deepEqual(found, ["packages/net/package.json: depends on @postern/core, which layers.json does not allow"]);
});

test("layers: testing is only ever a devDependency of what ships", async (t) => {
  const found = await problems(t, {
    ...layers({ core: ["contracts", "net", "testing"] }),
    "packages/core/package.json": manifest("core", ["@postern/testing"]),
  });
  t.deepEqual(found, ["packages/core/package.json: @postern/testing may only be a devDependency"]);
});

test("layers: a devDependency is tied to the layers too", async (t) => {
  const found = await problems(t, { "packages/contracts/package.json": manifest("contracts", [], ["@postern/net"]) });
  t.deepEqual(found, ["packages/contracts/package.json: depends (dev) on @postern/net, which layers.json does not allow"]);
});

const IMPORTS: readonly (readonly [title: string, file: string, text: string, problem: RegExp])[] = [
  [
    "of a higher package",
    "net/src/b.ts",
    'import { p } from "@postern/core";',
    /"@postern\/core", which layers.json does not allow to net/,
  ],
  [
    "of types of a higher package",
    "net/src/b.ts",
    'import type {\n  P,\n} from "@postern/core";',
    /"@postern\/core", which layers/,
  ],
  ["that is dynamic", "net/src/b.ts", 'const c = await import("@postern/core");', /"@postern\/core", which layers/],
  ["for its side effect", "net/src/b.ts", 'import "@postern/core";', /"@postern\/core", which layers/],
  ["in a re-export", "net/src/b.ts", 'export * from "@postern/core";', /"@postern\/core", which layers/],
  ["of a file of another package", "core/src/b.ts", 'import { a } from "../../net/src/a.ts";', /outside of its package/],
  ["of an absolute path", "core/src/b.ts", 'import { a } from "/etc/a.ts";', /outside of its package/],
  [
    "of a file inside another package's name",
    "core/src/b.ts",
    'import { a } from "@postern/net/src/a.ts";',
    /use what @postern\/net exports/,
  ],
  ["of the own package by name", "net/src/b.ts", 'import { a } from "@postern/net";', /use a relative path/],
  [
    "of a dependency that is not in package.json",
    "core/src/b.ts",
    'import x from "lru-cache";',
    /"lru-cache", which is not in packages\/core\/package.json/,
  ],
  ["of a scoped dependency that is not there", "core/src/b.ts", 'import x from "@a/b/c";', /"@a\/b\/c", which is not in/],
  ["of testing outside of a test", "net/src/b.ts", 'import { f } from "@postern/testing";', /"@postern\/testing", which layers/],
  ["of a devDependency outside of a test", "net/src/b.ts", 'import test from "ava";', /"ava", which is a devDependency/],
  ["of a tool of the root outside of a test", "net/src/b.ts", 'import fc from "fast-check";', /"fast-check", which is not in/],
  ["of test code outside of a test", "net/src/b.ts", 'import { x } from "./suite.ts";', /"\.\/suite\.ts", which is test code/],
  ["of a built-in without node:", "net/src/b.ts", 'import fs from "fs";', /write "node:fs"/],
];

for (const [title, file, text, problem] of IMPORTS) {
  test(`layers: finds an import ${title}`, async (t) => {
    const found = await problems(t, { [`packages/${file}`]: `${text}\n` });
    t.is(found.length, 1, found.join("\n"));
    t.true(found[0]!.startsWith(`packages/${file}: imports `), found[0]);
    t.regex(found[0]!, problem);
  });
}

test("layers: finds a cycle, a package without a row, and a row without a package", async (t) => {
  t.deepEqual(await problems(t, layers({ contracts: ["core"] })), [
    "layers.json: contracts -> core -> contracts is a cycle",
    "layers.json: contracts -> core -> net -> contracts is a cycle",
  ]);
  t.deepEqual(await problems(t, layers({ ghost: [] })), ["layers.json: names ghost, which is no package"]);
  t.deepEqual(await problems(t, { "packages/new/package.json": manifest("new") }), [
    "layers.json: does not name the package new",
  ]);
});

test("layers: a package is named after its folder", async (t) => {
  const found = await problems(t, { "packages/testing/package.json": manifest("test", ["@postern/contracts"]) });
  t.deepEqual(found, ["packages/testing/package.json: the name must be @postern/testing"]);
});
