// `postern route` from outside, where no route source has a say.

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import test, { type ExecutionContext } from "ava";

const POSTERN = fileURLToPath(new URL("../../../bin/postern", import.meta.url));

const RPC = `listeners: [{ protocol: rpc-tcp, address: "127.0.0.1:135" }]
backends: { cas1: { rpc-tcp: ncacn_ip_tcp://10.0.0.11 } }
`;

/** What it says on standard error; it must fail. */
function routed(t: ExecutionContext, ...args: readonly string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "postern-route-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "postern.yaml");
  writeFileSync(file, RPC);
  return new Promise((resolve) => {
    execFile(POSTERN, ["route", "alice@example.com", "--config", file, ...args], (error, stdout, stderr) => {
      t.is(error?.code, 1);
      t.is(stdout, "");
      resolve(stderr);
    });
  });
}

test("route: where nobody is asked for a user's backend, it says so", async (t) => {
  const words = "asks no route source: its own settings say where clients go, whoever they are\n";
  t.is(await routed(t, "--protocol", "rpc-tcp"), `rpc-tcp ${words}`);
  t.is(await routed(t), `Each protocol of the listeners ${words}`);
});
