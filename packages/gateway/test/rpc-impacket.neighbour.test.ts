// Programs that we did not write on both sides: impacket's client of RPC over HTTP through the real gateway to Samba's end-point mapper
// and samr, with Basic and NTLM at the edge, and through a gateway that has another one as its RPC proxy.

import test from "ava";
import { startSambaDc, type SambaDc } from "@postern/testing";
import { run, succeed } from "./clients.ts";
import type { Gateway } from "./gateway-process.ts";
import { ALICE, PASSWORDS } from "./mailboxes.ts";
import { startRpcGateway, type RpcGatewayOptions } from "./rpc-scene.ts";

const PASSWORD = PASSWORDS[ALICE] ?? "";
const SAMR = ["12345778-1234-ABCD-EF00-0123456789AC", "1.0", "ncacn_ip_tcp"] as const;
const CLIENT = new URL("rpc-client.py", import.meta.url).pathname;

let samba: SambaDc;
let gateway: Gateway;
let relaying: Gateway;
let passing: Gateway;

test.before(async () => {
  samba = await startSambaDc({ users: { alice: PASSWORD, bob: "Bob-geheim-2" } });
  const ntlm = {
    verifier: "ntlm",
    domains: { EXAMPLE: "example.com" },
    command: ["ntlm_auth", "--helper-protocol=ntlm-server-1", `--password=${PASSWORD}`],
  };
  gateway = await startRpcGateway({
    workers: 2,
    backend: { "rpc-http": `ncacn_ip_tcp://${samba.address}:${samba.samrPort}` },
    settings: { tcpPorts: { "593": samba.epmPort, "6002": samba.samrPort } },
    verifiers: [ntlm],
  });
  // The gateway is their RPC proxy.
  const proxy = (login: string): RpcGatewayOptions["backend"] => ({
    https: { url: `https://localhost:${gateway.port("https")}`, tls: { ca: "ca.pem" }, login },
  });
  [relaying, passing] = await Promise.all([
    startRpcGateway({ backend: proxy("relay") }),
    startRpcGateway({ backend: proxy("relay"), config: { https: { services: { rpc: { authentication: "pass" } } } } }),
  ]);
});

test.after.always(async () => {
  await Promise.all([relaying?.stop(), passing?.stop()]);
  await Promise.all([gateway?.stop(), samba?.stop()]);
});

type Login = readonly [user: string, password: string, domain: string];
const BASIC: Login = [ALICE, PASSWORD, ""];
const NTLM: Login = ["alice", PASSWORD, "EXAMPLE"];

const job = (at: Gateway, type: "Basic" | "NTLM", login: Login, more: object = {}): string =>
  JSON.stringify({
    server: "server",
    proxy: { url: `https://localhost:${at.port("https")}`, type, login },
    epm: 593,
    samr: 6001,
    login: NTLM,
    map: [SAMR],
    ...more,
  });

const ask = async (input: string): Promise<unknown> =>
  JSON.parse((await succeed("/usr/bin/python3", [CLIENT], { input })).toString());

for (const [name, at, type, login] of [
  ["Basic at the edge", () => gateway, "Basic", BASIC],
  ["NTLM at the edge", () => gateway, "NTLM", NTLM],
  ["Basic, relayed to another gateway", () => relaying, "Basic", BASIC],
  ["Basic, passed through to another gateway", () => passing, "Basic", BASIC],
  ["NTLM, passed through to another gateway", () => passing, "NTLM", NTLM],
] as const) {
  test(`${name}: impacket asks Samba's end-point mapper, and samr for its users`, async (t) => {
    t.deepEqual(await ask(job(at(), type, login)), {
      map: [`ncacn_ip_tcp:server[${samba.samrPort}]`],
      users: ["Administrator", "Guest", "krbtgt", "dns-dc1", "alice", "bob"],
    });
  });
}

test("many sealed calls on one virtual connection reach samr in their order", async (t) => {
  const answers = (await ask(job(gateway, "Basic", BASIC, { map: [], samr: 6002, times: 60 }))) as { users: string[] };
  t.is(answers.users.length, 6);
});

test("a wrong password is refused on the first channel, and no backend hears of it", async (t) => {
  for (const [type, login] of [
    ["Basic", [ALICE, "Wrong-geheim-4", ""]],
    ["NTLM", ["alice", "Wrong-geheim-4", "EXAMPLE"]],
  ] as const) {
    const { code, stderr } = await run("/usr/bin/python3", [CLIENT], { input: job(gateway, type, login) });
    t.is(code, 1);
    t.regex(stderr, new RegExp(`${type} authentication failed in RPC_IN_DATA channel.*401 Unauthorized`));
  }
});

test("a port that is not open to clients is refused in RPC's words", async (t) => {
  const { code, stderr } = await run("/usr/bin/python3", [CLIENT], { input: job(gateway, "Basic", BASIC, { epm: 445 }) });
  t.is(code, 1);
  t.regex(stderr, /RPC_IN_DATA channel, code: 0x5 - ERROR_ACCESS_DENIED/);
});
