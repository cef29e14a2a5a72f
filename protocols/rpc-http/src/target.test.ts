import test from "ava";
import { Failure } from "@postern/contracts";
import { defaultsOf, testLeg } from "@postern/testing";
import { rpcHttpSettings, type RpcHttpSettings } from "./settings.ts";
import { legsFor, targetOf } from "./target.ts";

const tcp = testLeg(6001, { backend: "mbx1", scheme: "ncacn_ip_tcp", host: "10.0.0.1" });
const http = testLeg(6001, { backend: "Mbx2", scheme: "ncacn_http", host: "Exchange.example.com" });
const six = testLeg(7001, { backend: "mbx3", scheme: "ncacn_ip_tcp", host: "2001:db8::3" });
const ALL = new Map([tcp, http, six].map((leg) => [leg.backend, leg]));

const settings = (rest: object = {}): RpcHttpSettings => ({
  ...(defaultsOf(rpcHttpSettings) as unknown as RpcHttpSettings),
  servers: [],
  tcpPorts: {},
  ...rest,
});

const asked = (server: string, own = [tcp], rest: object = {}): readonly string[] =>
  legsFor(targetOf(`/rpc/rpcproxy.dll?${server}`), own, {
    hostname: "mail.example.com",
    settings: settings(rest),
    legs: ALL,
  }).map((leg) => `${leg.backend}:${leg.port}`);

const refusal = (server: string, own = [tcp], rest: object = {}): string => {
  try {
    return `not refused: ${asked(server, own, rest).join()}`;
  } catch (error) {
    return error instanceof Failure ? `${error.kind}: ${error.message}` : String(error);
  }
};

test("a target names a server and a port, in any case of letters, on both paths", (t) => {
  t.deepEqual(targetOf("/rpc/rpcproxy.dll?Mbx1:6001"), { server: "mbx1", port: 6001 });
  t.deepEqual(targetOf("/RpcWithCert/RPCPROXY.DLL?mbx1:6001"), { server: "mbx1", port: 6001 });
  t.deepEqual(targetOf("/rpc/rpcproxy.dll?guid%40example.com:6004"), { server: "guid@example.com", port: 6004 });
  t.deepEqual(targetOf("/rpc/rpcproxy.dll?[2001:db8::3]:593"), { server: "[2001:db8::3]", port: 593 });
  t.is(targetOf(`/rpc/rpcproxy.dll?${"a".repeat(1023)}:6001`).server.length, 1023);
});

test("what is no target is refused", (t) => {
  const wrong = ["", "/", "/rpc/rpcproxy.dll", "/rpc/rpcproxy.dll?", "/rpc/rpcproxy.dll?mbx1", "/rpc/rpcproxy.dll?:6001"];
  const more = [
    "mbx1:",
    "mbx1:1234567",
    "mbx1:6001 ",
    "mbx1:6001x",
    "m bx1:6001",
    "mbx1:-1",
    "m\r\nbx1:6001",
    "\u00e4:6001",
    "a\0:6001",
  ];
  const targets = [
    ...wrong,
    ...more.map((rest) => `/rpc/rpcproxy.dll?${rest}`),
    "/rpcx/rpcproxy.dll?mbx1:6001",
    "/x/rpc/rpcproxy.dll?mbx1:6001",
  ];
  for (const target of [...targets, `/rpc/rpcproxy.dll?${"a".repeat(1024)}:6001`])
    t.throws(() => targetOf(target), { instanceOf: Failure }, JSON.stringify(target));
});

test("a mailbox, the gateway's own name and servers of the settings lead to the user's own backend", (t) => {
  for (const server of ["guid@example.com", "mail.example.com", "MAIL.example.com"])
    t.deepEqual(asked(`${server}:6001`), ["mbx1:6001"], server);
  t.deepEqual(asked("Old.example.com:6001", [tcp], { servers: ["old.EXAMPLE.com"] }), ["mbx1:6001"]);
  t.deepEqual(asked("whatever:6001", [tcp], { servers: ["*"] }), ["mbx1:6001"]);
});

test("a backend's name, and its host, lead to that backend first", (t) => {
  t.deepEqual(asked("mbx1:6001", [six, tcp]), ["mbx1:6001", "mbx3:7001"]);
  t.deepEqual(asked("10.0.0.1:6001", [six]), ["mbx1:6001", "mbx3:7001"]);
  t.deepEqual(asked("[2001:db8::3]:6001", [tcp]), ["mbx3:7001", "mbx1:6001"]);
  t.deepEqual(asked("exchange.EXAMPLE.com:6004", [http]), ["Mbx2:6004"]);
});

test("no other server and no other port can be reached", (t) => {
  for (const server of ["10.0.0.2", "localhost", "127.0.0.1", "mbx", "toString", "evil.example.com@", "@", "a@b@c"])
    t.regex(refusal(`${server}:6001`), /^route-refused: RPC: the server /, server);
  for (const port of [0, 25, 135, 445, 6003, 65_535, 999_999])
    t.regex(refusal(`mbx1:${port}`), /^route-refused: RPC: port /, String(port));
});

test("a name of a client gets into the log without what is no name", (t) => {
  t.is(refusal('e"v<i>l%0a:6001'), "route-refused: RPC: the server e?v?i?l?0a is no backend, and not one of rpc-http.servers");
  t.true(refusal(`${"a".repeat(1000)}:6001`).length < 300);
});

test("the channels of one virtual connection get backends of one kind", (t) => {
  t.deepEqual(asked("guid@example.com:6001", [tcp, http, six]), ["mbx1:6001", "mbx3:7001"]);
  t.deepEqual(asked("mbx2:6002", [tcp, http]), ["Mbx2:6002"]);
});

test("a plain TCP backend has the ports of the settings, that of its address and that of its end-point mapper", (t) => {
  t.deepEqual(asked("mbx3:6001", [six]), ["mbx3:7001"]);
  t.deepEqual(asked("mbx3:593", [six]), ["mbx3:135"]);
  t.deepEqual(asked("mbx3:6004", [six], { tcpPorts: { "6004": 49_152, "593": 1593 } }), ["mbx3:49152"]);
  t.deepEqual(asked("mbx3:593", [six], { tcpPorts: { "593": 1593 } }), ["mbx3:1593"]);
  t.regex(refusal("mbx3:6004", [six]), /^route-refused: RPC: port 6004 .* rpc-http\.tcpPorts$/);
});

test("a user without an RPC server has none to go to", (t) => {
  t.regex(refusal("guid@example.com:6001", []), /^no-candidate: /);
});
