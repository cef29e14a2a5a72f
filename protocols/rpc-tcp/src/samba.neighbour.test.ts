// The whole chain with programs that are not ours: impacket and Samba's own client ask the gateway's end-point mapper, and impacket
// then speaks samr, encrypted after an NTLM login, with a Samba domain controller behind it, whose own end-point mapper the gateway asks.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import test from "ava";
import { startSambaDc } from "@postern/testing";
import { gateway, rpcLeg } from "../test/scene.ts";

/** Debian's, which has impacket and Samba's modules. */
const PYTHON = "/usr/bin/python3";
const PASSWORD = "Pass-w0rd-of-alice";

const dc = await startSambaDc({ users: { alice: PASSWORD } });
test.after.always(() => dc.stop());

const SAMR = { uuid: "12345778-1234-abcd-ef00-0123456789ac", version: "1.0", port: undefined, backendPort: undefined };

const IMPACKET = `
import sys
from impacket.dcerpc.v5 import epm, rpcrt, samr, transport
port, password = sys.argv[1:]
def connection():
    made = transport.DCERPCTransportFactory("ncacn_ip_tcp:127.0.0.1[%s]" % port)
    made.set_credentials("alice", password, "EXAMPLE")
    dce = made.get_dce_rpc()
    dce.connect()
    return dce
print(epm.hept_map("127.0.0.1", samr.MSRPC_UUID_SAMR, protocol="ncacn_ip_tcp", dce=connection()))
for entry in epm.hept_lookup(None, dce=connection()):
    print(entry["annotation"].decode().strip(chr(0)))
dce = connection()
dce.set_auth_type(rpcrt.RPC_C_AUTHN_WINNT)
dce.set_auth_level(rpcrt.RPC_C_AUTHN_LEVEL_PKT_PRIVACY)
dce.bind(samr.MSRPC_UUID_SAMR)
server = samr.hSamrConnect(dce)["ServerHandle"]
for domain in samr.hSamrEnumerateDomainsInSamServer(dce, server)["Buffer"]["Buffer"]:
    print(domain["Name"])
`;

/** alice with a wrong password, where no answer is protected: Samba serves samr to strangers. */
const STRANGER = `
import sys
from impacket.dcerpc.v5 import rpcrt, samr, transport
made = transport.DCERPCTransportFactory("ncacn_ip_tcp:127.0.0.1[%s]" % sys.argv[1])
made.set_credentials("alice", "wrong", "EXAMPLE")
dce = made.get_dce_rpc()
dce.connect()
dce.set_auth_type(rpcrt.RPC_C_AUTHN_WINNT)
dce.set_auth_level(rpcrt.RPC_C_AUTHN_LEVEL_CONNECT)
dce.bind(samr.MSRPC_UUID_SAMR)
print(len(samr.hSamrConnect(dce)["ServerHandle"]))
`;

const SAMBA = `
import sys
from samba.dcerpc import epmapper, misc
from samba.param import LoadParm
mapper = epmapper.epmapper("ncacn_ip_tcp:127.0.0.1[%s]" % sys.argv[1], LoadParm())
handle = misc.policy_handle()
for page in range(10):
    handle, entries, status = mapper.epm_Lookup(0, None, None, 1, handle, 2)
    for entry in entries:
        print(entry.annotation, entry.tower.tower.floors[3].rhs.port)
    if status != 0:
        print(hex(status))
        break
`;

test("rpc-tcp: impacket maps samr, and speaks it with Samba after an NTLM login, whose user is seen", async (t) => {
  const believed: string[] = [];
  const place = () => Promise.resolve({ release: () => {} });
  const limits = { connection: place, user: (user: string) => place().finally(() => believed.push(user)) };
  const { harness, at } = await gateway(t, {
    house: { limits },
    legs: { dc: rpcLeg(dc.epmPort, "dc", { host: dc.address }) },
    settings: { interfaces: { samr: SAMR } },
  });
  const { stdout } = await promisify(execFile)(PYTHON, ["-c", IMPACKET, String(at), PASSWORD]);
  t.deepEqual(stdout.trim().split("\n"), [
    `ncacn_ip_tcp:127.0.0.1[${at}]`,
    "emsmdb",
    "asyncemsmdb",
    "nspi",
    "rfr",
    "samr",
    "EXAMPLE",
    "BUILTIN",
  ]);
  await harness.settled();
  const last = harness.ended.find(({ session }) => session.backend !== undefined);
  t.is(last?.failure, undefined);
  t.deepEqual(last?.session.identity, { user: "alice@example.com", proven: false });
  t.deepEqual(last?.session.backendAddress, { host: dc.address, port: dc.samrPort });
  t.deepEqual(believed, ["alice@example.com"]);
});

test("rpc-tcp: Samba answers who has only said alice's name, and that takes no place of hers", async (t) => {
  const asked: string[] = [];
  const place = () => Promise.resolve({ release: () => {} });
  const limits = { connection: place, user: (user: string) => place().finally(() => asked.push(user)) };
  const { harness, at } = await gateway(t, {
    house: { limits },
    legs: { dc: rpcLeg(dc.epmPort, "dc", { host: dc.address }) },
    settings: { interfaces: { samr: SAMR } },
  });
  const { stdout } = await promisify(execFile)(PYTHON, ["-c", STRANGER, String(at)]);
  t.is(stdout.trim(), "20");
  await harness.settled();
  t.deepEqual(asked, ["alice@example.com from 127.0.0.1"]);
});

test("rpc-tcp: Samba's client reads the end-point mapper page by page, to its end", async (t) => {
  const { at } = await gateway(t, { legs: {} });
  const { stdout } = await promisify(execFile)(PYTHON, ["-c", SAMBA, String(at)]);
  t.deepEqual(stdout.trim().split("\n"), [`emsmdb ${at}`, `asyncemsmdb ${at}`, `nspi ${at}`, `rfr ${at}`, "0x16c9a0d6"]);
});
