// Every configuration of examples/ is one that the gateway takes, and what its page points at is there.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import concurrent, { type ExecutionContext } from "ava";
import { createAuthority, issue } from "@postern/certs";
import { environment, ROOT, run } from "./lib/run.ts";
import { filesOf } from "./lib/workspace.ts";

/** Most run a program: all at once would only be in each other's way. */
const test = concurrent.serial;

const POSTERN = join(ROOT, "bin/postern");
const examples = (await filesOf(ROOT, "examples/**/postern.yaml")).map((file) => dirname(file));
const texts = await filesOf(ROOT, "examples/**/*.md");

const authority = createAuthority("Postern examples");
const { cert, key } = issue(authority, { names: ["mail.example.com"] });
/** All that an example may name besides its own files. */
const FILES = {
  "mail.pem": cert,
  "mail.key": key,
  "backends-ca.pem": authority.cert,
  "programs-ca.pem": authority.cert,
  "ticket.key": Buffer.alloc(48, 7),
};

/** A copy of the example's folder with the files that it names. */
async function copyOf(t: ExecutionContext, example: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "postern-example-"));
  t.teardown(() => rm(folder, { recursive: true }));
  await cp(join(ROOT, example), folder, { recursive: true });
  await mkdir(join(folder, "tls"));
  for (const [name, content] of Object.entries(FILES)) await writeFile(join(folder, "tls", name), content, { mode: 0o600 });
  return folder;
}

test("examples: there are some", (t) => {
  t.true(examples.length > 5);
});

for (const example of examples) {
  test(`examples: postern check takes ${basename(example)} without a warning`, async (t) => {
    const config = join(await copyOf(t, example), "postern.yaml");
    const { code, output } = await run(POSTERN, ["check", "--config", config, "--json"]);
    t.deepEqual(JSON.parse(output), { ok: true, problems: [], warnings: [] });
    t.is(code, 0);
  });

  test(`examples: ${basename(example)} says what was tried of it`, async (t) => {
    t.regex(await readFile(join(ROOT, example, "README.md"), "utf8"), /^\*\*Tried\*\*/m);
  });
}

test("examples: files and tests that a page names are there", async (t) => {
  for (const page of texts) {
    const text = await readFile(join(ROOT, page), "utf8");
    const links = Array.from(text.matchAll(/\]\(([^)#]+)\)/g), ([, link = ""]) => join(dirname(page), link));
    const named = Array.from(text.matchAll(/\b(?:docs|scripts|packages|protocols)\/[\w./-]*\w/g), ([name]) => name);
    t.deepEqual(
      [...links, ...named].filter((file) => !existsSync(join(ROOT, file))),
      [],
      page,
    );
  }
});

test("examples: the look-up server of the migration sends users to where their mailbox is", async (t) => {
  const folder = await copyOf(t, "examples/migrate-users-between-servers");
  const server = spawn("node", [join(folder, "lookup.mjs"), "0"], { env: environment, stdio: ["ignore", "pipe", "inherit"] });
  t.teardown(() => server.kill());
  const [line] = (await once(server.stdout, "data")) as [Buffer];
  const config = join(folder, "postern.yaml");
  const text = await readFile(config, "utf8");
  // No backend is asked beyond this machine: nobody listens on port 1.
  const local = text.replaceAll(/imaps:\/\/10\.[\d.]+/g, "imaps://127.0.0.1:1");
  await writeFile(config, local.replace("http://127.0.0.1:9000/route", line.toString().trim()));
  const route = async (user: string): Promise<string> =>
    (await run(POSTERN, ["route", user, "--protocol", "imap", "--config", config])).output;
  t.regex(await route("alice"), /^alice@example\.com over imap goes to old imap /);
  t.regex(await route("Carol"), /^carol@example\.com over imap goes to new1 imap [\s\S]*\n  down new2 imap /);
  t.regex(await route("bob"), /goes to nowhere: .*being moved/);
  t.regex(await route("stranger@example.net"), /goes to nowhere: No route source knows/);
});
