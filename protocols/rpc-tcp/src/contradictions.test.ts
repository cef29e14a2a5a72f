import test from "ava";
import { settingsOf } from "../test/scene.ts";
import { rpcTcpContradictions, type Sections } from "./contradictions.ts";
import type { RpcTcpSettings } from "./settings.ts";

const problems = (settings: Partial<RpcTcpSettings>, sections: Sections = {}): readonly string[] =>
  rpcTcpContradictions(settingsOf(settings), sections).map(({ key, problem }) => `${key}: ${problem}`);

const listener = (port: number, protocol = "rpc-tcp") => ({ protocol, address: { kind: "tcp", port } });
const row = (rest: Partial<RpcTcpSettings["interfaces"][string]> = {}) => ({
  uuid: undefined,
  version: undefined,
  port: undefined,
  backendPort: undefined,
  ...rest,
});

test("settings: the port to tell is known with one listener beside 135, or by the setting", (t) => {
  t.deepEqual(problems({}, { listeners: [listener(135), listener(6001), listener(6001), listener(993, "imap"), undefined] }), []);
  t.deepEqual(problems({}, { listeners: [listener(135)] }), []);
  const listeners = [listener(135), listener(6001), listener(6002)];
  t.deepEqual(problems({}, { listeners }), [
    "port: must say which port clients are told: listeners of rpc-tcp have 6001 and 6002",
  ]);
  t.deepEqual(problems({ port: 6002 }, { listeners }), []);
});

test("settings: an interface is one of those that are there by themselves, or has a UUID of its own", (t) => {
  const uuid = "12345778-1234-ABCD-EF00-0123456789AC";
  t.deepEqual(problems({ interfaces: { nspi: row({ backendPort: 6004 }), samr: row({ uuid, version: "1.0" }) } }), []);
  t.deepEqual(problems({ interfaces: { samr: row({ uuid }) } }), [
    "interfaces.samr: needs uuid and version; only emsmdb, asyncemsmdb, nspi, rfr are there by themselves",
  ]);
  t.deepEqual(problems({ interfaces: { nspi: row({ version: "56.0" }) } }), [
    "interfaces.nspi.version: is known of nspi; take it out, or give another name",
  ]);
  const twice = { one: row({ uuid, version: "1.0" }), two: row({ uuid: uuid.toLowerCase(), version: "2.0" }) };
  t.deepEqual(problems({ interfaces: twice }), ["interfaces.two.uuid: is that of one already"]);
  const mapper = row({ uuid: "e1af8308-5d1f-11c9-91a4-08002b14a0fa", version: "3.0" });
  t.deepEqual(problems({ interfaces: { mapper } }), ["interfaces.mapper.uuid: is that of the end-point mapper already"]);
  t.regex(problems({ interfaces: { "a b": row({ uuid, version: "1.0" }) } })[0] ?? "", /must be 1 to 63 letters/);
});

test("settings: an array has backends that are there, and addresses of its own", (t) => {
  const backends = { a: { "rpc-tcp": {} }, b: { imap: {} }, c: undefined };
  const array = (addresses: readonly string[], names: readonly string[]) => ({ addresses, backends: names });
  t.deepEqual(problems({ arrays: { one: array(["192.0.2.1"], ["a", "c"]), rest: array([], ["a"]) } }, { backends }), []);
  t.deepEqual(problems({ arrays: { one: array(["192.0.2.1"], []), two: array(["2001:db8::1"], ["b", "d"]) } }, { backends }), [
    "arrays.one: names no backend; name one, or take it out",
    "arrays.two.backends[0]: backends.b cannot be reached for rpc-tcp; add rpc-tcp: ncacn_ip_tcp://HOST[:PORT] to it",
    'arrays.two.backends[1]: unknown backend "d"; it must be one of backends',
  ]);
  const both = {
    one: array(["2001:db8::1", "host"], ["a"]),
    two: array(["2001:DB8:0::1"], ["a"]),
    x: array([], ["a"]),
    y: array([], ["a"]),
  };
  t.deepEqual(problems({ arrays: both }, { backends }), [
    'arrays.one.addresses[1]: must be an IP address, not "host"',
    "arrays.two.addresses[0]: 2001:DB8:0::1 belongs to the array one already",
    "arrays.y: what has no addresses, all other clients, belongs to the array x already",
  ]);
});
