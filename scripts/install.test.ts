import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { ROOT, run } from "./lib/run.ts";
import { startTrial } from "./lib/trial.ts";

/** An empty environment: nothing but the folder itself may be needed. */
const BARE = { PATH: "/usr/bin:/bin" };

async function temporary(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "postern-install-"));
  t.teardown(() => rm(folder, { recursive: true }));
  return folder;
}

const install = (...args: string[]) => run(join(ROOT, "scripts/install"), args);

/** What an installed gateway says to a wrong and to the right password of its file, in front of a backend that is not there. */
async function answers(cleanup: AsyncDisposableStack, postern: string, folder: string): Promise<string[]> {
  const passwd = ["passwd", "--scheme", "sha512-crypt", "alice"];
  const child = spawn(postern, passwd, { env: BARE, stdio: ["pipe", "pipe", "inherit"] });
  child.stdin.end("geheim\n");
  await writeFile(join(folder, "users"), (await child.stdout.toArray()).join(""), { mode: 0o600 });
  const config = `tls: { selfSigned: true }
workers: 1
listeners: [{ protocol: imap, address: "unix:${folder}/imap.sock", tls: starttls }]
authentication: { verifiers: [{ verifier: file, path: users }] }
limits: { login: { failureDelay: 0s } }
backends: { mbx1: { imap: "imap://127.0.0.1:1" } }
routes: [{ source: static, default: mbx1 }]
`;
  await writeFile(join(folder, "file.yaml"), config);
  const serving = spawn(postern, ["serve", "--config", join(folder, "file.yaml")], {
    env: BARE,
    stdio: ["ignore", "pipe", "inherit"],
  });
  cleanup.defer(async () => {
    serving.kill();
    if (serving.exitCode === null) await once(serving, "exit");
  });
  await once(serving.stdout, "data");
  const client = connect(join(folder, "imap.sock")).setEncoding("latin1");
  cleanup.defer(() => void client.destroy());
  const told: string[] = [];
  await once(client, "data");
  for (const word of ["wrong", "geheim"]) {
    client.write(`a LOGIN alice ${word}\r\n`);
    const [line] = (await once(client, "data")) as [string];
    told.push(/^a (NO \[\w+\])/m.exec(line)?.[1] ?? line);
  }
  return told;
}

test.serial("install: what is installed needs nothing of the repository, and serves with workers", async (t) => {
  const folder = await temporary(t);
  const prefix = join(folder, "opt/postern");
  const installed = await install("--prefix", prefix, "--no-systemd");
  t.is(installed.code, 0, installed.output);
  const bundle = await readFile(join(prefix, "lib/postern.mjs"), "utf8");
  t.false(bundle.includes(ROOT), "names a path of the repository");
  const postern = join(prefix, "bin/postern");

  const help = await run("sh", ["-c", `cd / && exec ${postern} --help`], BARE);
  t.is(help.code, 0, help.output);
  t.regex(help.output, /serve/);

  const config = join(folder, "bad.yaml");
  await writeFile(config, "hostnam: x\n");
  const bad = await run("sh", ["-c", `cd / && exec ${postern} check --config ${config}`], BARE);
  t.is(bad.code, 1, bad.output);
  t.regex(bad.output, /bad\.yaml:1:1: hostnam/);

  const good = await run("sh", ["-c", `cd / && exec ${postern} check --config ${prefix}/share/systemd/postern.yaml`], BARE);
  t.is(good.code, 0, good.output);

  await using cleanup = new AsyncDisposableStack();
  t.deepEqual(await answers(cleanup, postern, folder), ["NO [AUTHENTICATIONFAILED]", "NO [UNAVAILABLE]"]);
  const lines: string[] = [];
  const { ports, gateway } = await startTrial(cleanup, { postern: [postern], workers: 2, print: (line) => lines.push(line) });
  const client = connect(ports.imap, "127.0.0.1").setEncoding("latin1");
  const [greeting] = (await once(client, "data")) as [string];
  t.regex(greeting, /^\* OK /, lines.join("\n"));
  client.destroy();
  await cleanup.disposeAsync();
  t.is(gateway.exitCode, 0, lines.join("\n"));
});

test.serial("install: a second time takes the old one's place, keeps it, and leaves the configuration alone", async (t) => {
  const folder = await temporary(t);
  const prefix = "/srv/postern-x";
  const staged = () => run("env", [`DESTDIR=${folder}`, join(ROOT, "scripts/install"), "--prefix", prefix]);
  const first = await staged();
  t.is(first.code, 0, first.output);
  const unit = await readFile(join(folder, "etc/systemd/system/postern.service"), "utf8");
  t.regex(unit, /^ExecStart=\/srv\/postern-x\/bin\/postern serve --config \/etc\/postern\/postern\.yaml$/m);
  t.false(unit.includes("/opt/postern"));
  const config = join(folder, "etc/postern/postern.yaml");
  t.is((await stat(config)).mode & 0o777, 0o640);
  await writeFile(config, "mine\n");
  await writeFile(join(folder, prefix, "old"), "");

  const second = await staged();
  t.is(second.code, 0, second.output);
  t.is(await readFile(config, "utf8"), "mine\n");
  await t.notThrowsAsync(stat(join(folder, `${prefix}.previous/old`)));
  await t.throwsAsync(stat(join(folder, prefix, "old")));
  await t.notThrowsAsync(stat(join(folder, prefix, "LICENSE")));
});

test("install: refuses options and folders that it cannot mean", async (t) => {
  for (const args of [["--what"], ["--prefix"], ["--prefix", "relative"], ["--prefix", "/"], ["--prefix", "/tmp/a b"]]) {
    const { code, output } = await install(...args);
    t.is(code, 2, `${args.join(" ")}: ${output}`);
  }
});
