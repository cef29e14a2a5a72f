// Real connections through the gateway to RPC servers of the tests.

import type { Socket } from "node:net";
import test, { type ExecutionContext } from "ava";
import type { Health } from "@postern/contracts";
import { bindNak, BIND_NAK, headerOf, INTERFACES, PDU_FLAGS, PDU_TYPES, readBindAck } from "@postern/dcerpc";
import { auth3Of, bindOf, ntlmAuthenticate, ntlmTrailer, NTLM_NEGOTIATE, requestOf } from "../test/pdus.ts";
import { EMSMDB, rpcServer, type RpcServer, type RpcServerOptions } from "../test/rpc-server.ts";
import { at, dial, freePort, gateway, rpcLeg, until, type RpcClient } from "../test/scene.ts";

const stubOf = (pdu: Buffer): string => pdu.subarray(24).toString("latin1");

test("rpc-tcp: a client is bound at a backend, and what it says comes there as it was", async (t) => {
  const server = await rpcServer(t, { name: "a" });
  const { harness, at: port } = await gateway(t, { legs: { a: rpcLeg(1, "a") }, settings: { interfaces: at(server.port) } });
  const client = dial(t, port);
  const said = [bindOf([EMSMDB]), requestOf(Buffer.from("one")), requestOf(Buffer.from("two"), { callId: 3 })];
  client.send(...said);
  t.is(readBindAck(await client.read()).group, 0x1234);
  t.is(stubOf(await client.read()), "a:one");
  t.is(stubOf(await client.read()), "a:two");
  t.deepEqual(server.got[0]?.(), Buffer.concat(said));
  client.socket.end();
  t.deepEqual(await client.rest(), []);
  server.stop();
  await harness.settled();
  const [ended] = harness.ended;
  t.is(ended?.failure, undefined);
  t.is(ended?.session.backend, "a");
  t.is(ended?.session.bytesIn, Buffer.concat(said).length);
  t.is(harness.places, 0);
});

test("rpc-tcp: the user of an NTLM login is known, and takes a place when the backend believes it", async (t) => {
  const server = await rpcServer(t, { signs: true });
  const { harness, at: port } = await gateway(t, { legs: { a: rpcLeg(1, "a") }, settings: { interfaces: at(server.port) } });
  const client = dial(t, port);
  client.send(bindOf([EMSMDB], { trailer: ntlmTrailer(NTLM_NEGOTIATE) }));
  await client.read();
  client.send(auth3Of(ntlmAuthenticate("Alice")), requestOf(Buffer.from("x"), { trailer: ntlmTrailer(Buffer.alloc(16)) }));
  t.is(headerOf(await client.read()).type, PDU_TYPES.response);
  const [session] = harness.house.registry.list();
  t.deepEqual(session?.identity, { user: "alice@example.com", proven: false });
  t.is(harness.places, 2);
  client.socket.destroy();
  await harness.settled();
  t.is(harness.places, 0);
});

test("rpc-tcp: without a port in the settings the backend's end-point mapper is asked", async (t) => {
  const server = await rpcServer(t);
  const mapper = await rpcServer(t, { ports: { [EMSMDB.uuid]: server.port } });
  const { at: port, harness } = await gateway(t, { legs: { a: rpcLeg(mapper.port, "a") } });
  const client = dial(t, port);
  client.send(bindOf([EMSMDB]), requestOf(Buffer.from("one")));
  await client.read();
  t.is(stubOf(await client.read()), "server:one");
  t.is(harness.house.registry.list()[0]?.backendAddress?.port, server.port);
});

/** Two backends, each with an end-point mapper of its own; the first is everybody's first choice. */
async function pair(
  t: ExecutionContext,
  first: RpcServerOptions = {},
  { health = undefined as Health | undefined, leg = {} } = {},
) {
  const b = await rpcServer(t, { name: "b" });
  const a = await rpcServer(t, { name: "a", ...first });
  const mapped = async (port: number): Promise<RpcServer> => rpcServer(t, { ports: { [EMSMDB.uuid]: port } });
  const [mapperA, mapperB] = [await mapped(a.port), await mapped(b.port)];
  const { harness, at: port } = await gateway(t, {
    legs: { a: rpcLeg(mapperA.port, "a", leg), b: rpcLeg(mapperB.port, "b") },
    house: health === undefined ? {} : { health },
  });
  return { a, b, mapperA, harness, port };
}

async function speaker(t: ExecutionContext, port: number, group = 0): Promise<string> {
  const client = dial(t, port);
  client.send(bindOf([EMSMDB], { group }), requestOf(Buffer.alloc(0)));
  await client.read();
  return stubOf(await client.read());
}

test("rpc-tcp: when its backend dies the client's connection ends, and the next one goes to the next candidate", async (t) => {
  const { a, harness, port } = await pair(t);
  const client = dial(t, port);
  client.send(bindOf([EMSMDB]), requestOf(Buffer.alloc(0)));
  await client.read();
  t.is(stubOf(await client.read()), "a:");
  a.stop();
  t.deepEqual(await client.rest(), []);
  client.socket.end();
  await harness.settled();
  t.is(await speaker(t, port), "b:");
});

function hangsUp(_: Buffer, socket: Socket): Buffer {
  socket.destroy();
  return Buffer.alloc(0);
}

test("rpc-tcp: a backend that hangs up on a bind, or answers it with something else, gives way to the next", async (t) => {
  for (const instead of [hangsUp, () => Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")]) {
    const { port, harness } = await pair(t, { instead });
    t.is(await speaker(t, port), "b:");
    t.deepEqual(harness.logger.messages("warn"), ["backend failed"]);
  }
});

/** Health that takes all as they come, and the backends that it hears evil of. */
function gossip(): { readonly health: Health; readonly failed: string[] } {
  const failed: string[] = [];
  const facts = (): never => {
    throw new Error("Nobody asks");
  };
  return {
    failed,
    health: { facts, order: (legs) => legs, succeeded: () => {}, failed: ({ backend }) => void failed.push(backend) },
  };
}

test("rpc-tcp: what a client's own bind may have brought about is no evidence against a backend", async (t) => {
  const { health, failed } = gossip();
  const { port, mapperA } = await pair(t, { instead: hangsUp }, { health });
  t.is(await speaker(t, port), "b:");
  t.deepEqual(failed, []);
  mapperA.stop();
  t.is(await speaker(t, port), "b:");
  t.deepEqual(failed, ["a"]);
});

test("rpc-tcp: a backend that takes connections and answers nothing is told of", async (t) => {
  const { health, failed } = gossip();
  const { port } = await pair(t, { instead: () => Buffer.alloc(0) }, { health, leg: { replyTimeoutMs: 100 } });
  t.is(await speaker(t, port), "b:");
  t.deepEqual(failed, ["a"]);
});

test("rpc-tcp: a backend at whose RPC port another service answers now is asked anew by the next client", async (t) => {
  const server = await rpcServer(t);
  const web = await rpcServer(t, { instead: () => Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n") });
  const ports = { [EMSMDB.uuid]: web.port };
  const mapper = await rpcServer(t, { ports });
  const { at: port } = await gateway(t, { legs: { a: rpcLeg(mapper.port, "a") } });
  const early = dial(t, port);
  early.send(bindOf([EMSMDB]));
  t.is((await early.read())[2], PDU_TYPES.bindNak);
  ports[EMSMDB.uuid] = server.port;
  t.is(await speaker(t, port), "server:");
});

test("rpc-tcp: a backend whose end-point mapper is down gives way to the next", async (t) => {
  const { mapperA, port } = await pair(t);
  mapperA.stop();
  t.is(await speaker(t, port), "b:");
});

test("rpc-tcp: a backend whose RPC port has moved is asked anew by the next client", async (t) => {
  const server = await rpcServer(t);
  const ports = { [EMSMDB.uuid]: await freePort() };
  const mapper = await rpcServer(t, { ports });
  const { at: port } = await gateway(t, { legs: { a: rpcLeg(mapper.port, "a") } });
  const early = dial(t, port);
  early.send(bindOf([EMSMDB]));
  t.is((await early.read())[2], PDU_TYPES.bindNak);
  ports[EMSMDB.uuid] = server.port;
  t.is(await speaker(t, port), "server:");
});

test("rpc-tcp: a backend's no to a bind is the client's answer", async (t) => {
  const { port } = await pair(t, { instead: (pdu) => (pdu[2] === PDU_TYPES.bind ? bindNak(1, BIND_NAK.localLimit) : undefined) });
  const client = dial(t, port);
  client.send(bindOf([EMSMDB]));
  t.deepEqual(await client.read(), bindNak(1, BIND_NAK.localLimit));
});

test("rpc-tcp: without any backend the client is told to come again", async (t) => {
  const legs = { a: rpcLeg(await freePort(), "a") };
  const { harness, at: port } = await gateway(t, { legs, settings: { interfaces: at(await freePort()) } });
  const client = dial(t, port);
  client.send(bindOf([EMSMDB], { callId: 3 }));
  t.deepEqual(await client.rest(), [bindNak(3, BIND_NAK.temporaryCongestion)]);
  client.socket.end();
  await harness.settled();
  t.is(harness.ended[0]?.failure?.kind, "backend-unreachable");
});

test("rpc-tcp: all connections of an association group go where the first one went", async (t) => {
  let isBusy = true;
  const instead = (_: Buffer, socket: Socket): Buffer | undefined => {
    if (isBusy) socket.destroy();
    return undefined;
  };
  const { port } = await pair(t, { instead });
  const first = dial(t, port);
  first.send(bindOf([EMSMDB]), requestOf(Buffer.alloc(0)));
  const { group } = readBindAck(await first.read());
  t.is(stubOf(await first.read()), "b:");
  isBusy = false;
  t.is(await speaker(t, port, group), "b:");
  t.is(await speaker(t, port), "a:");
});

test("rpc-tcp: what is sent in any pieces comes through as it was, both ways, in bulk", async (t) => {
  const { a, port, harness } = await pair(t);
  const client = dial(t, port);
  const stubs = Array.from({ length: 400 }, (_, index) => Buffer.alloc((index * 37) % 5000, index));
  const said = Buffer.concat([bindOf([EMSMDB]), ...stubs.map((stub, index) => requestOf(stub, { callId: index + 2 }))]);
  let pieces = 0;
  for (let from = 0; from < said.length; pieces += 1) {
    const to = from + 1 + ((pieces * 7919) % 6000);
    client.socket.write(said.subarray(from, to));
    from = to;
    if (pieces % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await client.read();
  for (const [index, stub] of stubs.entries()) {
    const pdu = await readResponse(client);
    t.is(pdu.callId, index + 2);
    t.true(pdu.stub.equals(Buffer.concat([Buffer.from("a:"), stub])));
  }
  t.true(a.got[0]?.().equals(said));
  client.socket.destroy();
  await harness.settled();
});

/** A response of any number of fragments. */
async function readResponse(client: RpcClient): Promise<{ callId: number; stub: Buffer }> {
  const stubs: Buffer[] = [];
  for (;;) {
    const pdu = await client.read();
    const { callId, flags } = headerOf(pdu);
    stubs.push(pdu.subarray(24));
    if ((flags & PDU_FLAGS.last) !== 0) return { callId, stub: Buffer.concat(stubs) };
  }
}

test("rpc-tcp: drain ends clients at the mapper, on their way to a backend, and relayed ones", async (t) => {
  const { port, harness } = await pair(t);
  const [mapping, relayed, quiet] = [dial(t, port), dial(t, port), dial(t, port)];
  mapping.send(bindOf([INTERFACES.epm]));
  relayed.send(bindOf([EMSMDB]));
  await Promise.all([mapping.read(), relayed.read()]);
  for (const { socket } of [mapping, relayed, quiet]) socket.on("end", () => socket.end());
  await until(() => harness.house.registry.list().length === 3);
  await harness.house.registry.drain(0);
  await harness.settled(10_000);
  t.deepEqual(
    harness.ended.map(({ ending }) => ending),
    ["drained", "drained", "drained"],
  );
  t.is(harness.places, 0);
});

test("rpc-tcp: a thousand half binds leave nothing behind", async (t) => {
  const { a, b, port, harness } = await pair(t);
  const half = bindOf([EMSMDB]).subarray(0, 40);
  for (let round = 0; round < 10; round += 1) {
    const clients = Array.from({ length: 100 }, () => dial(t, port));
    for (const client of clients) client.socket.end(half);
    await Promise.all(clients.map((client) => client.rest()));
  }
  await harness.settled();
  t.is(harness.ended.length, 1000);
  t.is(harness.places, 0);
  t.is(a.got.length + b.got.length, 0);
});
