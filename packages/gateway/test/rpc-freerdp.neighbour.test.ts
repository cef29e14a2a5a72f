// FreeRDP's client of RPC over HTTP, which we did not write either: its channels are opened with NTLM at the edge, and its first bind
// reaches the backend with every octet. What it wants there, a terminal services gateway, is not there, so this is all that it says.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import type { Readable } from "node:stream";
import test, { type ExecutionContext } from "ava";
import { PduSplitter, typeOf } from "@postern/testing";
import { ALICE, PASSWORDS } from "./mailboxes.ts";
import { startRpcGateway } from "./rpc-scene.ts";
import { until } from "./until.ts";

const PASSWORD = PASSWORDS[ALICE] ?? "";
const BIND = 11;
/** TsProxyRpcInterface, [MS-TSGU] section 1.9. */
const TS_PROXY = "dd65e244af7dcd4285603cdb6e7a2729";
/** Where FreeRDP looks for it. */
const PORT = 3388;

/** A backend that listens, and the PDUs that reach it. */
async function backend(t: ExecutionContext): Promise<{ readonly port: number; readonly pdus: readonly Buffer[] }> {
  const pdus: Buffer[] = [];
  const server = createServer((socket) => {
    const splitter = new PduSplitter();
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => pdus.push(...splitter.feed(chunk)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => void server.close());
  return { port: (server.address() as AddressInfo).port, pdus };
}

/** The number of a screen that nobody sees. */
async function screen(t: ExecutionContext): Promise<string> {
  const child = spawn("Xvfb", ["-displayfd", "3", "-nolisten", "tcp", "-screen", "0", "640x480x24"], {
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  t.teardown(() => child.kill());
  const [number] = (await once(child.stdio[3] as Readable, "data")) as [Buffer];
  return `:${number.toString().trim()}`;
}

test("FreeRDP gets its channels with NTLM, and its bind comes to the backend as it was sent", async (t) => {
  const { port, pdus } = await backend(t);
  const gateway = await startRpcGateway({
    workers: 2,
    backend: { "rpc-http": `ncacn_ip_tcp://127.0.0.1:${port}` },
    settings: { ports: [PORT], tcpPorts: { [PORT]: port } },
    verifiers: [
      {
        verifier: "ntlm",
        domains: { EXAMPLE: "example.com" },
        command: ["ntlm_auth", "--helper-protocol=ntlm-server-1", `--password=${PASSWORD}`],
      },
    ],
  });
  t.teardown(() => gateway.stop());
  const login = ["/gu:alice", `/gp:${PASSWORD}`, "/gd:EXAMPLE", "/u:alice", "/p:none", "/d:EXAMPLE"];
  const args = ["/v:desktop.example.com", `/g:localhost:${gateway.port("https")}`, "/gt:rpc", "/cert-ignore", ...login];
  const child = spawn("xfreerdp", args, { env: { ...process.env, DISPLAY: await screen(t) }, stdio: ["ignore", "pipe", "pipe"] });
  t.teardown(() => child.kill("SIGKILL"));
  let said = "";
  for (const output of [child.stdout, child.stderr]) output.setEncoding("utf8").on("data", (text: string) => (said += text));
  const bind = await until(
    () => pdus[0],
    () => `a bind at the backend; ${said}\n${gateway.written()}`,
    30_000,
  );
  t.is(typeOf(bind), BIND);
  t.true(bind.toString("hex").includes(TS_PROXY));
  t.true(bind.includes("NTLMSSP\0"));
  child.kill("SIGKILL");
  const fields = { message: "request", user: ALICE, service: "rpc" };
  t.is((await gateway.logged({ ...fields, method: "RPC_OUT_DATA", status: 200 }))["in"], 76);
  await gateway.logged({ ...fields, method: "RPC_IN_DATA" });
});
