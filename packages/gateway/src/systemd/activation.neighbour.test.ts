import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import test from "ava";

// Accepts on what systemd handed over, in this process or (with "child") in a child that gets the descriptor by `stdio`.
const SERVER = `
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { activatedSocket, activatedSockets, withoutSystemd } from ${JSON.stringify(new URL("activation.ts", import.meta.url).href)};
const serve = (fd, who) => createServer((socket) => { socket.end("hello from " + who); process.exitCode = 0; setImmediate(() => process.exit()); })
  .listen({ fd }, () => console.log("listening"));
if (process.env.AS_CHILD) serve(3, "child");
else {
  const [fd] = activatedSocket(activatedSockets(process.env, process.pid), "imaps");
  if (process.argv[2] !== "child") serve(fd, "parent");
  else spawn(process.execPath, ["--input-type=module", "-e", process.env.CODE], {
    env: { ...withoutSystemd(process.env), AS_CHILD: "1" }, stdio: ["ignore", "inherit", "inherit", fd] });
}
`;

for (const who of ["parent", "child"]) {
  test(`activation: a ${who} process accepts on a socket of the real systemd-socket-activate`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "postern-activation-"));
    t.teardown(() => rm(folder, { recursive: true }));
    const path = join(folder, "imaps.sock");
    const command = ["--fdname=imaps", `--listen=${path}`, "--setenv=CODE", "--setenv=PATH"];
    const node = [process.execPath, "--input-type=module", "-e", SERVER, "x", who];
    const systemd = spawn("systemd-socket-activate", [...command, ...node], {
      env: { ...process.env, CODE: SERVER },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const exited = once(systemd, "exit");
    const said = createInterface({ input: systemd.stderr });
    await once(said, "line"); // "Listening on …": the socket is there; the program starts with the first connection
    const client = connect(path).setEncoding("latin1");
    const [greeting] = (await once(client, "data")) as [string];
    t.is(greeting, `hello from ${who}`);
    client.destroy();
    await exited;
  });
}
