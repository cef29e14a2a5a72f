// Runs the real gateway under the system call filter of postern.service. There is no systemd to do that in a container, so
// its filter is built the same way: systemd's own lists of calls, loaded by libseccomp. A call that is missing fails with
// EPERM, an address family with EAFNOSUPPORT, as the unit says.

import { readFile } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import test from "ava";
import { ROOT, run } from "./lib/run.ts";
import { startTrial } from "./lib/trial.ts";
import { PEOPLE } from "./lib/trial-files.ts";

// argv: a JSON object, then the program. Families first: the second filter forbids what loads filters.
const LAUNCHER = `
import errno, json, os, sys
import seccomp as s
wanted = json.loads(sys.argv[1])
families = s.SyscallFilter(s.ALLOW)
for family in range(1, 46):
    if family not in wanted["families"]:
        families.add_rule(s.ERRNO(errno.EAFNOSUPPORT), "socket", s.Arg(0, s.EQ, family))
families.load()
calls = s.SyscallFilter(s.ERRNO(errno.EPERM))
for name in wanted["calls"]:
    try:
        calls.add_rule(s.ALLOW, name)
    except RuntimeError:
        pass # Not a call of this architecture.
calls.load()
os.execvp(sys.argv[2], sys.argv[2:])
`;

const FAMILIES: Readonly<Record<string, number>> = { AF_UNIX: 1, AF_INET: 2, AF_INET6: 10 };

async function unitValues(key: string): Promise<string[]> {
  const unit = await readFile(join(ROOT, "scripts/systemd/postern.service"), "utf8");
  return [...unit.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map((match) => match[1]!);
}

/** The calls of a set such as @system-service, with those of the sets in it. */
async function callsOf(set: string): Promise<string[]> {
  const { output } = await run("systemd-analyze", ["--no-pager", "syscall-filter", set]);
  const words = output.split("\n").flatMap((line) => /^ {4}([@\w-]+)$/.exec(line)?.[1] ?? []);
  const nested = await Promise.all(words.filter((word) => word.startsWith("@")).map(callsOf));
  return [...words.filter((word) => !word.startsWith("@")), ...nested.flat()];
}

/** systemd.exec(5): the first line allows, "~" takes away again, and @default is always allowed. */
async function allowedCalls(): Promise<string[]> {
  const allowed = new Set<string>();
  for (const line of await unitValues("SystemCallFilter")) {
    const calls = (await Promise.all(line.replace(/^~/, "").split(" ").map(callsOf))).flat();
    const apply = line.startsWith("~") ? (call: string) => allowed.delete(call) : (call: string) => allowed.add(call);
    calls.forEach(apply);
  }
  for (const call of await callsOf("@default")) allowed.add(call);
  return [...allowed];
}

async function launcher(): Promise<string[]> {
  const families = (await unitValues("RestrictAddressFamilies"))[0]!.split(" ").map((name) => FAMILIES[name]!);
  return ["/usr/bin/python3", "-c", LAUNCHER, JSON.stringify({ calls: await allowedCalls(), families })];
}

test("unit: the filter is real: what the unit forbids fails under it", async (t) => {
  const [program, ...args] = await launcher();
  const script =
    "import os, socket\nfor f in (lambda: os.chroot('/'), lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)):\n  try: f(); print('done')\n  except OSError as e: print(e.errno)";
  const { output } = await run(program!, [...args, "python3", "-c", script]);
  t.is(output, `${constants.errno.EPERM}\n${constants.errno.EAFNOSUPPORT}\n`);
});

test("unit: the gateway serves, reloads and stops under the unit's system call filter", async (t) => {
  await using cleanup = new AsyncDisposableStack();
  const lines: string[] = [];
  const { folder, ports, gateway } = await startTrial(cleanup, {
    postern: [...(await launcher()), join(ROOT, "bin/postern")],
    workers: 2,
    print: (line) => lines.push(line),
  });
  const { password } = PEOPLE.alice;
  const login = ["-sS", "--cacert", join(folder, "ca.pem"), "-u", `alice@example.com:${password}`];
  for (const url of [`imaps://localhost:${ports.imaps}/INBOX?ALL`, `pop3s://localhost:${ports.pop3s}/1`]) {
    const { code, output } = await run("curl", [...login, url]);
    t.is(code, 0, `${output}\n${lines.join("\n")}`);
  }
  gateway.kill("SIGHUP");
  const { code, output } = await run("curl", [...login, `imaps://localhost:${ports.imaps}/INBOX?ALL`]);
  t.is(code, 0, `${output}\n${lines.join("\n")}`);
  await cleanup.disposeAsync();
  t.is(gateway.exitCode, 0, lines.join("\n"));
});
