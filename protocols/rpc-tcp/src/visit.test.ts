// Real connections through the gateway to RPC servers of the tests.

import test from "ava";
import { headerOf, PDU_TYPES, readBindAck } from "@postern/dcerpc";
import { auth3Of, bindOf, ntlmAuthenticate, ntlmTrailer, NTLM_NEGOTIATE, requestOf } from "../test/pdus.ts";
import { EMSMDB, rpcServer } from "../test/rpc-server.ts";
import { at, dial, gateway, rpcLeg } from "../test/scene.ts";

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
