// Clients and backends that break the rules, over real connections.

import { connect } from "node:net";
import test from "ava";
import { Failure } from "@postern/contracts";
import { AUTH_LEVELS, BIND_NAK, fault, FAULT_STATUS, INTERFACES, PDU_TYPES, readBindAck, type Syntax } from "@postern/dcerpc";
import { createFakeClock } from "@postern/testing";
import { auth3Of, bindOf, ntlmAuthenticate, ntlmTrailer, NTLM_NEGOTIATE, requestOf } from "../test/pdus.ts";
import { EMSMDB, NSPI, rpcServer } from "../test/rpc-server.ts";
import { at, dial, gateway, rpcLeg, until, type SceneOptions } from "../test/scene.ts";

const SAMR: Syntax = { uuid: "12345778-1234-abcd-ef00-0123456789ac", major: 1, minor: 0 };
const alter = (named: Syntax): Buffer => bindOf([named], { type: "alterContext", callId: 9 });

async function scene(t: Parameters<typeof dial>[0], options: Partial<SceneOptions> = {}, server = {}) {
  const backend = await rpcServer(t, server);
  const { harness, at: port } = await gateway(t, {
    legs: { a: rpcLeg(1, "a") },
    ...options,
    settings: { interfaces: at(backend.port), ...options.settings },
  });
  return { backend, harness, client: dial(t, port), port };
}

const nakReason = (pdu: Buffer | undefined): number | undefined =>
  pdu?.[2] === PDU_TYPES.bindNak ? pdu.readUInt16LE(16) : undefined;

for (const [title, interfaces] of [
  ["that is not served", [SAMR]],
  ["in another major version", [{ ...EMSMDB, major: 7 }]],
  ["beside one that is served", [EMSMDB, SAMR]],
  ["the end-point mapper's, beside one that is served", [EMSMDB, INTERFACES.epm]],
] as const) {
  test(`rpc-tcp: a bind to an interface ${title} is refused, and no backend hears of it`, async (t) => {
    const { backend, harness, client } = await scene(t);
    client.send(bindOf(interfaces));
    const [ack] = await client.rest();
    t.deepEqual(
      ack && readBindAck(ack).results.map(({ result, reason }) => [result, reason]),
      interfaces.map(() => [2, 1]),
    );
    client.socket.end();
    await harness.settled();
    t.is(harness.ended[0]?.failure?.kind, "route-refused");
    t.is(backend.got.length, 0);
  });
}

test("rpc-tcp: an alter_context to an interface that is not served is a fault, and does not reach the backend", async (t) => {
  const { backend, harness, client } = await scene(t);
  const bind = bindOf([EMSMDB]);
  client.send(bind);
  await client.read();
  client.send(alter(NSPI));
  await client.read();
  client.send(alter(SAMR), requestOf(Buffer.from("behind it")));
  t.deepEqual(await client.rest(), [fault(9, 0, FAULT_STATUS.unknownInterface)]);
  client.socket.end();
  await harness.settled();
  t.deepEqual(backend.got[0]?.(), Buffer.concat([bind, alter(NSPI)]));
  t.is(harness.ended[0]?.failure?.kind, "route-refused");
});

test("rpc-tcp: nor does it right behind the bind, in one piece with it", async (t) => {
  const { backend, harness, client } = await scene(t);
  const bind = bindOf([EMSMDB]);
  client.send(bind, alter(SAMR));
  const said = await client.rest();
  t.is(said[0]?.[2], PDU_TYPES.bindAck);
  t.deepEqual(said.slice(1), [fault(9, 0, FAULT_STATUS.unknownInterface)]);
  client.socket.end();
  await harness.settled();
  t.deepEqual(backend.got[0]?.(), bind);
});

test("rpc-tcp: a second bind, or a PDU that only servers send, is a protocol error", async (t) => {
  for (const type of [PDU_TYPES.bind, PDU_TYPES.response, PDU_TYPES.rts]) {
    const { backend, harness, client } = await scene(t);
    client.send(bindOf([EMSMDB]));
    await client.read();
    const bad = bindOf([EMSMDB], { callId: 5 });
    bad[2] = type;
    client.send(bad);
    t.deepEqual(await client.rest(), [fault(5, 0, FAULT_STATUS.protocolError)]);
    client.socket.end();
    await harness.settled();
    t.is(harness.ended[0]?.failure?.kind, "syntax");
    t.is(backend.got[0]?.().length, bindOf([EMSMDB]).length);
  }
});

test("rpc-tcp: who does not begin with a bind is told so if it is RPC, and left without a word if not", async (t) => {
  const { client, harness, port, backend } = await scene(t);
  client.send(requestOf(Buffer.alloc(4), { callId: 8 }));
  t.deepEqual(await client.rest(), [fault(8, 0, FAULT_STATUS.protocolError)]);
  client.socket.end();
  const web = connect(port, "127.0.0.1");
  t.teardown(() => void web.destroy());
  web.end("GET / HTTP/1.1\r\nHost: a.example.com\r\n\r\n");
  t.deepEqual(await web.toArray(), []);
  await harness.settled();
  t.deepEqual(
    harness.ended.map(({ failure }) => failure?.kind),
    ["syntax", "syntax"],
  );
  t.is(backend.got.length, 0);
});

test("rpc-tcp: a bind of another version, with lying lengths, or without contexts, is refused with the reason", async (t) => {
  const bent = (change: (bind: Buffer) => void): Buffer => {
    const bind = bindOf([EMSMDB]);
    change(bind);
    return bind;
  };
  for (const [bind, reason] of [
    [bent((one) => (one[1] = 7)), BIND_NAK.protocolVersion],
    [bent((one) => one.writeUInt16LE(15, 8)), BIND_NAK.unspecified],
    [bent((one) => one.writeUInt16LE(50, 10)), BIND_NAK.unspecified],
    [bent((one) => (one[24] = 255)), BIND_NAK.unspecified],
    [bent((one) => (one[30] = 200)), BIND_NAK.unspecified],
    [bindOf([]), BIND_NAK.unspecified],
  ] as const) {
    const { client, backend } = await scene(t);
    client.send(bind);
    t.is(nakReason((await client.rest())[0]), reason);
    t.is(backend.got.length, 0);
  }
});

test("rpc-tcp: half a bind is waited for as long as the setting says, and is not answered", async (t) => {
  const clock = createFakeClock();
  const { client, harness } = await scene(t, { house: { clock } });
  client.send(bindOf([EMSMDB]).subarray(0, 20));
  await until(() => harness.house.registry.list()[0]?.stage === "converse");
  await clock.advance(29_999);
  t.is(harness.ended.length, 0);
  await clock.advance(1);
  t.deepEqual(await client.rest(), []);
  client.socket.end();
  await harness.settled();
  t.is(harness.ended[0]?.failure?.kind, "idle");
});

test("rpc-tcp: an address that binds too often is told of a limit", async (t) => {
  const { client, port, harness } = await scene(t, { settings: { connectionRate: { perAddress: 1, perUser: 0 } } });
  client.send(bindOf([EMSMDB]));
  t.is((await client.read())[2], PDU_TYPES.bindAck);
  const second = dial(t, port);
  second.send(bindOf([EMSMDB]));
  t.is(nakReason((await second.rest())[0]), BIND_NAK.localLimit);
  second.socket.end();
  await until(() => harness.ended.length === 1);
  t.is(harness.ended[0]?.failure?.kind, "too-many-from-address");
});

const ntlmBind = bindOf([EMSMDB], { trailer: ntlmTrailer(NTLM_NEGOTIATE) });
const signedRequest = (callId: number): Buffer => requestOf(Buffer.from("x"), { callId, trailer: ntlmTrailer(Buffer.alloc(16)) });
const full = (kind: "too-many-of-user"): Promise<never> => Promise.reject(new Failure(kind, "full"));

test("rpc-tcp: a user with too many connections is cut", async (t) => {
  const limits = { connection: () => Promise.resolve({ release: () => {} }), user: () => full("too-many-of-user") };
  const { client, harness } = await scene(t, { house: { limits } }, { signs: true });
  client.send(ntlmBind);
  await client.read();
  client.send(auth3Of(ntlmAuthenticate("alice")), signedRequest(2));
  t.is((await client.rest())[0]?.[2], PDU_TYPES.response);
  client.socket.end();
  await harness.settled();
  t.is(harness.ended[0]?.failure?.kind, "too-many-of-user");
  t.is(harness.ended[0]?.session.identity?.user, "alice@example.com");
});

test("rpc-tcp: who only says that he is somebody takes nothing from that user", async (t) => {
  const asked: string[] = [];
  const limits = {
    connection: () => Promise.resolve({ release: () => {} }),
    user: (user: string) => {
      asked.push(user);
      return full("too-many-of-user");
    },
  };
  const denied = {
    instead: (pdu: Buffer) => (pdu[2] === PDU_TYPES.request ? fault(2, 0, FAULT_STATUS.accessDenied) : undefined),
  };
  const { client } = await scene(t, { house: { limits } }, denied);
  client.send(ntlmBind);
  await client.read();
  client.send(auth3Of(ntlmAuthenticate("victim")), signedRequest(2));
  t.deepEqual(await client.read(), fault(2, 0, FAULT_STATUS.accessDenied));
  t.deepEqual(asked, []);
});

test("rpc-tcp: where answers are not protected, each address has places of its own for a name", async (t) => {
  const asked: string[] = [];
  const limits = {
    connection: () => Promise.resolve({ release: () => {} }),
    user: (user: string) => {
      asked.push(user);
      return full("too-many-of-user");
    },
  };
  const { client } = await scene(t, { house: { limits } });
  client.send(bindOf([EMSMDB], { trailer: ntlmTrailer(NTLM_NEGOTIATE, AUTH_LEVELS.connect) }));
  await client.read();
  client.send(auth3Of(ntlmAuthenticate("victim")), requestOf(Buffer.from("x")));
  t.is((await client.rest())[0]?.[2], PDU_TYPES.response);
  t.deepEqual(asked, ["victim@example.com from 127.0.0.1"]);
});

test("rpc-tcp: a backend that talks no RPC any more is cut, and so is its client", async (t) => {
  const garbled = {
    instead: (pdu: Buffer) => (pdu[2] === PDU_TYPES.request ? Buffer.from("an error page, say: 500") : undefined),
  };
  const { client, harness } = await scene(t, {}, garbled);
  client.send(bindOf([EMSMDB]));
  await client.read();
  client.send(requestOf(Buffer.from("x")));
  t.deepEqual(await client.rest(), []);
  client.socket.end();
  await harness.settled();
  t.is(harness.ended[0]?.failure?.kind, "backend-garbled");
  t.is(harness.places, 0);
});

test("rpc-tcp: a client that is cut and stays is cut off after two seconds", async (t) => {
  const clock = createFakeClock();
  const { client, harness } = await scene(t, { house: { clock } });
  client.send(bindOf([EMSMDB]), alter(SAMR));
  await client.rest();
  client.socket.pause();
  await clock.advance(2000);
  await harness.settled();
  t.is(harness.ended[0]?.failure?.kind, "route-refused");
});
