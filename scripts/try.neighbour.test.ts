import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { dirname } from "node:path";
import test, { type ExecutionContext } from "ava";
import { environment, ROOT, run } from "./lib/run.ts";

/** scripts/try up to its last line of advice, and what it said. */
async function startTry(t: ExecutionContext): Promise<{ child: ChildProcess; said: string }> {
  const child = spawn("node", ["scripts/try.ts"], { cwd: ROOT, env: environment, stdio: ["ignore", "pipe", "pipe"] });
  t.teardown(() => child.kill("SIGTERM"));
  let said = "";
  for await (const chunk of child.stdout.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
    said += chunk as string;
    if (said.includes("The gateway's log:")) break;
  }
  child.stdout.resume();
  if (!said.includes("The gateway's log:")) t.fail(`${said}\n${String(child.stderr.read())}`);
  return { child, said };
}

const refused = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(false)).once("error", () => resolve(true));
    socket.once("connect", () => socket.destroy());
  });

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  test(`try: what it tells to type works, and ${signal} leaves nothing behind`, async (t) => {
    const { child, said } = await startTry(t);
    const commands = said.split("\n").map((line) => line.trim());
    const [imap, pop3, web] = commands.filter((line) => line.startsWith("curl "));
    for (const [command, answer] of [
      [imap!, "Welcome to mbx1, alice"],
      [pop3!, "Welcome to mbx2, bob"],
      [web!, "the web side of mbx2"],
      [commands.find((line) => line.startsWith("bin/postern route"))!, "mbx1"],
    ] as const) {
      const { code, output } = await run("sh", ["-c", command]);
      t.is(code, 0, `${command}\n${output}`);
      t.true(output.includes(answer), `${command}\n${output}`);
    }
    const folder = dirname(/--cacert (\S+)/.exec(said)![1]!);
    const port = Number(/imaps:\/\/localhost:(\d+)/.exec(said)![1]);
    t.true(existsSync(folder));
    const ended = once(child, "exit");
    child.kill(signal);
    t.deepEqual(await ended, [0, null]);
    t.false(existsSync(folder));
    t.true(await refused(port));
  });
}

test("try: takes other ports when its own are taken", async (t) => {
  const [first, second] = [await startTry(t), await startTry(t)];
  t.regex(second.said, /Port \d+ is taken: imaps is on \d+/);
  const ended = Promise.all([once(first.child, "exit"), once(second.child, "exit")]);
  first.child.kill("SIGTERM");
  second.child.kill("SIGTERM");
  t.deepEqual(await ended, [
    [0, null],
    [0, null],
  ]);
});
