import { appendFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { FAILURES } from "@postern/contracts";
import { WEB_SERVICES } from "@postern/gateway";
import { generatedFiles, staleFiles, writeGenerated } from "./generate.ts";
import { run } from "./lib/run.ts";

async function folder(t: ExecutionContext): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "postern-generate-"));
  t.teardown(() => rm(made, { recursive: true }));
  return made;
}

const page = (name: string): string => generatedFiles().get(`docs/${name}`) ?? "";

test("generate: finds nothing stale where it has just written", async (t) => {
  const root = await folder(t);
  await writeGenerated(root);
  t.deepEqual(await staleFiles(root), []);
});

test("generate: names the files that are missing, and those that somebody changed", async (t) => {
  const root = await folder(t);
  await writeGenerated(root);
  await rm(join(root, "docs/failures.md"));
  await appendFile(join(root, "docs/settings.md"), "by hand\n");
  const stale = await staleFiles(root);
  t.is(stale.length, 2);
  t.regex(stale.join("\n"), /^docs\/settings\.md: is not what the tables say; run .*\ndocs\/failures\.md: is missing; run /);
  t.regex(await readFile(join(root, "docs/settings.md"), "utf8"), /by hand\n$/, "a comparison writes nothing");
});

test("generate: a word that it does not know is refused, and nothing is written", async (t) => {
  const { code, output } = await run("node", ["scripts/generate.ts", "--chekc"]);
  t.not(code, 0);
  t.regex(output, /--chekc/);
});

test("generate: the page of failures has each kind in both tables, in the words that the protocols send", (t) => {
  const [, , failures = "", answers = ""] = page("failures.md").split("\n## ");
  for (const kind of Object.keys(FAILURES)) {
    for (const section of [failures, answers]) t.is(section.split(`\n| \`${kind}\` | `).length, 2, kind);
  }
  const lines = answers.split("\n");
  t.true(lines.includes("| `tls-handshake` | nothing | nothing | nothing | 400 |  |"));
  t.true(
    lines.includes(
      "| `unknown-user` | `a NO [AUTHENTICATIONFAILED] Authentication failed` | `-ERR [AUTH] Authentication failed` | `535 5.7.8 Authentication failed` | 401 |  |",
    ),
  );
  t.true(
    lines.includes(
      "| `idle` | `* BYE Disconnected for inactivity` | `-ERR Disconnected for inactivity` | `421 4.4.2 Disconnected for inactivity` | 408 |  |",
    ),
  );
});

test("generate: no line of a table is broken by what stands in it", (t) => {
  for (const name of ["failures.md", "settings.md", "https.md"]) {
    for (const block of page(name)
      .split("\n\n")
      .filter((part) => part.startsWith("|"))) {
      const cells = block
        .trimEnd()
        .split("\n")
        .map((line) => line.replaceAll("\\|", "").split("|").length);
      t.is(new Set(cells).size, 1, block.slice(0, 200));
    }
  }
});

test("generate: the page of the web has each service in both tables", (t) => {
  for (const { name } of WEB_SERVICES) t.is(page("https.md").split(`\n| \`${name}\` | `).length, 3, name);
});

test("generate: page and schema know the same settings of the file", (t) => {
  const { properties, additionalProperties } = JSON.parse(page("postern.schema.json")) as {
    properties: Record<string, unknown>;
    additionalProperties: boolean;
  };
  const names = Object.keys(properties);
  t.false(additionalProperties);
  t.true(["tls", "listeners", "backends", "routes", "limits", "imap", "pop3"].every((name) => names.includes(name)));
  const [, file = ""] = page("settings.md").split("\n## ");
  t.deepEqual(
    [...file.matchAll(/^\| `([\w-]+)` \|/gm)].map(([, name]) => name),
    names,
  );
});
