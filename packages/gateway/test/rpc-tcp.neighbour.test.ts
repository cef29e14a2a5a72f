// RPC on TCP with programs that we did not write on both sides: impacket asks the real gateway's end-point mapper, and speaks samr, sealed,
// through the port that it is told, with a Samba domain controller behind it.

import test from "ava";
import { freePorts, startSambaDc, type SambaDc } from "@postern/testing";
import { run, succeed } from "./clients.ts";
import { startGateway, type Gateway } from "./gateway-process.ts";
import { ALICE, FILES, PASSWORDS } from "./mailboxes.ts";
import { stopAll } from "./together.ts";

const PASSWORD = PASSWORDS[ALICE] ?? "";
const SAMR = "12345778-1234-abcd-ef00-0123456789ac";
const EMSMDB = "a4f1db00-ca47-1067-b31f-00dd010662da";
const CLIENT = new URL("rpc-client.py", import.meta.url).pathname;

let samba: SambaDc;
let gateway: Gateway;
let port: number;

test.before(async () => {
  samba = await startSambaDc({ users: { alice: PASSWORD } });
  [port = 0] = await freePorts(1);
  gateway = await startGateway({
    listeners: {
      mapper: { protocol: "rpc-tcp", tls: "none" },
      relay: { protocol: "rpc-tcp", tls: "none", address: `127.0.0.1:${port}` },
    },
    backends: { dc: { "rpc-tcp": `ncacn_ip_tcp://${samba.address}:${samba.epmPort}` } },
    routes: [{ source: "static", default: "dc" }],
    files: FILES,
    config: { workers: 2, "rpc-tcp": { port, interfaces: { samr: { uuid: SAMR, version: "1.0" } } } },
  });
});

test.after.always(() => stopAll([gateway, samba]));

const job = (more: object): string =>
  JSON.stringify({ server: "127.0.0.1", epm: gateway.port("mapper"), login: ["alice", PASSWORD, "EXAMPLE"], ...more });

const ask = async (input: string): Promise<unknown> =>
  JSON.parse((await succeed("/usr/bin/python3", [CLIENT], { input })).toString());

test("the end-point mapper tells the gateway's own port for the interfaces that are served", async (t) => {
  const map = [
    [SAMR, "1.0", "ncacn_ip_tcp"],
    [EMSMDB, "0.81", "ncacn_ip_tcp"],
  ];
  t.deepEqual(await ask(job({ map })), { map: [`ncacn_ip_tcp:127.0.0.1[${port}]`, `ncacn_ip_tcp:127.0.0.1[${port}]`] });
});

test("samr answers through the relayed port, and the log says whose connection it was", async (t) => {
  const { users } = (await ask(job({ samr: port, times: 20 }))) as { users: string[] };
  t.true(users.includes("alice"));
  const line = await gateway.logged({ protocol: "rpc-tcp", backend: /^dc/, user: "alice@example.com" });
  t.is(line["ending"], "client-closed");
});

/** impacket's last word on why it failed. */
async function failure(more: object): Promise<string | undefined> {
  const { code, stderr } = await run("/usr/bin/python3", [CLIENT], { input: job(more) });
  return code === 0 ? undefined : stderr.trim().split("\n").at(-1);
}

test("a wrong password is told as Samba tells it without the gateway", async (t) => {
  const login = ["alice", "Wrong-geheim-4", "EXAMPLE"];
  const direct = await failure({ server: samba.address, samr: samba.samrPort, login });
  t.truthy(direct);
  t.is(await failure({ samr: port, login }), direct);
});

test("an interface that is not served is unknown to the end-point mapper", async (t) => {
  const lsarpc = ["12345778-1234-ABCD-EF00-0123456789AB", "0.0", "ncacn_ip_tcp"];
  t.regex((await failure({ map: [lsarpc] })) ?? "", /ept_s_not_registered|0x16c9a0d6/i);
});
