// Dialogues with the gateway's end-point mapper over real connections.

import test from "ava";
import {
  BIND_NAK,
  FAULT_STATUS,
  fault,
  headerOf,
  INTERFACES,
  NDR,
  PDU_FLAGS,
  PDU_TYPES,
  readBindAck,
  type Syntax,
} from "@postern/dcerpc";
import { bindOf, ntlmTrailer, NTLM_NEGOTIATE, requestOf } from "../../test/pdus.ts";
import { dial, gateway, type RpcClient } from "../../test/scene.ts";
import { Stub } from "./stub.ts";
import { readTower, tcpTower } from "./tower.ts";

const NDR64: Syntax = { uuid: "71710533-beba-4937-8319-b5dbef9ccc36", major: 1, minor: 0 };
const { epm, EMSMDB, NSPI } = INTERFACES;

const tower = tcpTower(EMSMDB, 0, "0.0.0.0");
const question = new Stub().u32(0, 1, tower.length, tower.length).octets(tower).align().octets(Buffer.alloc(20)).u32(4).bytes;
const map = (callId: number, contextId = 0): Buffer => requestOf(question, { callId, contextId, operation: 3 });
/** Header, head of the response, handle, the numbers of the array, a pointer, and two lengths. */
const TOWER_AT = 24 + 20 + 16 + 4 + 8;
const portIn = (pdu: Buffer): number | undefined => readTower(pdu.subarray(TOWER_AT, TOWER_AT + 75))?.port;

async function bound(
  t: Parameters<typeof dial>[0],
  settings = {},
): Promise<{ client: RpcClient; at: number; harness: Awaited<ReturnType<typeof gateway>>["harness"] }> {
  const { at, harness } = await gateway(t, { legs: {}, settings });
  const client = dial(t, at);
  client.send(bindOf([epm]));
  t.deepEqual(readBindAck(await client.read()).results, [{ result: 0, reason: 0, transfer: NDR }]);
  return { client, at, harness };
}

test("end-point mapper: answers on every listener, with the port of the settings, or the one that the client came by", async (t) => {
  const { client, at } = await bound(t);
  client.send(map(2), map(3));
  t.is(portIn(await client.read()), at);
  t.is(headerOf(await client.read()).callId, 3);
  const other = await bound(t, { port: 6001 });
  other.client.send(map(2));
  t.is(portIn(await other.client.read()), 6001);
});

test("end-point mapper: a client that leaves is no failure", async (t) => {
  const { client, harness } = await bound(t);
  client.socket.end();
  t.deepEqual(await client.rest(), []);
  await harness.settled();
  t.deepEqual(
    harness.ended.map(({ ending, failure }) => [ending, failure]),
    [["client-closed", undefined]],
  );
  t.is(harness.places, 0);
});

test("end-point mapper: contexts are accepted one by one, and an alter_context adds more", async (t) => {
  const { at } = await gateway(t, { legs: {} });
  const client = dial(t, at);
  client.send(bindOf([epm, EMSMDB], { group: 77 }), bindOf([epm], { type: "alterContext", transfer: NDR64 }));
  const ack = readBindAck(await client.read());
  t.deepEqual(
    ack.results.map(({ result, reason }) => [result, reason]),
    [
      [0, 0],
      [2, 1],
    ],
  );
  t.is(ack.group, 77);
  t.is(ack.address, String(at));
  const altered = await client.read();
  t.is(headerOf(altered).type, PDU_TYPES.alterContextResponse);
  t.deepEqual(readBindAck(altered).results[0]?.reason, 2);
});

test("end-point mapper: a question may come in many fragments", async (t) => {
  const { client, at } = await bound(t);
  const [one, two, three] = [question.subarray(0, 50), question.subarray(50, 51), question.subarray(51)];
  client.send(
    requestOf(one, { operation: 3, flags: PDU_FLAGS.first }),
    requestOf(two, { operation: 3, flags: 0 }),
    requestOf(three, { operation: 3, flags: PDU_FLAGS.last }),
  );
  t.is(portIn(await client.read()), at);
});

test("end-point mapper: what it does not do is a fault, and it goes on", async (t) => {
  const { client, at } = await bound(t);
  client.send(
    requestOf(question, { operation: 5 }),
    map(3, 9),
    requestOf(Buffer.alloc(3), { callId: 4, operation: 3 }),
    requestOf(question, { callId: 5, operation: 3, trailer: ntlmTrailer(Buffer.alloc(16)) }),
    map(6),
  );
  t.deepEqual(await client.read(), fault(2, 0, FAULT_STATUS.unknownOperation));
  t.deepEqual(await client.read(), fault(3, 9, FAULT_STATUS.unknownInterface));
  t.deepEqual(await client.read(), fault(4, 0, FAULT_STATUS.badStubData));
  t.deepEqual(await client.read(), fault(5, 0, FAULT_STATUS.accessDenied));
  t.is(portIn(await client.read()), at);
});

const first = (callId: number): Buffer => requestOf(Buffer.alloc(5000), { callId, operation: 3, flags: PDU_FLAGS.first });

for (const [title, pdus] of [
  ["fragments of two questions at once", [first(2), first(3)]],
  ["a fragment that nothing was before", [requestOf(Buffer.alloc(8), { flags: PDU_FLAGS.last })]],
  ["a question of many kB", [first(2), requestOf(Buffer.alloc(5000), { flags: 0 })]],
  ["a PDU that is no question", [bindOf([epm])]],
] as const) {
  test(`end-point mapper: ${title} ends the connection with a fault`, async (t) => {
    const { client, harness } = await bound(t);
    client.send(...pdus);
    const said = await client.rest();
    t.is(said.length, 1);
    t.deepEqual(said[0]?.subarray(24), fault(0, 0, FAULT_STATUS.protocolError).subarray(24));
    client.socket.end();
    await harness.settled();
    t.is(harness.ended[0]?.failure?.kind, "syntax");
  });
}

test("end-point mapper: a login there is refused, so that the client comes without one", async (t) => {
  const { at } = await gateway(t, { legs: {} });
  const client = dial(t, at);
  client.send(bindOf([epm], { trailer: ntlmTrailer(NTLM_NEGOTIATE) }));
  const [nak] = await client.rest();
  t.is(nak?.[2], PDU_TYPES.bindNak);
  t.is(nak?.readUInt16LE(16), BIND_NAK.authType);
});

test("end-point mapper: an answer comes in fragments as small as the client asks for, but for what all must take", async (t) => {
  const interfaces = Object.fromEntries(
    Array.from({ length: 28 }, (_, index) => [
      `extra${index}`,
      {
        uuid: `00000000-0000-0000-0000-0000000000${String(index + 10)}`,
        version: "1.0",
        port: undefined,
        backendPort: undefined,
      },
    ]),
  );
  const { at } = await gateway(t, { legs: {}, settings: { interfaces } });
  const client = dial(t, at);
  client.send(bindOf([epm], { maxReceive: 100 }));
  await client.read();
  const everything = new Stub().u32(0, 0, 0, 1).octets(Buffer.alloc(20)).u32(1000).bytes;
  client.send(requestOf(everything, { operation: 2 }));
  const lengths: number[] = [];
  for (let isLast = false; !isLast;) {
    const pdu = await client.read();
    lengths.push(pdu.length);
    isLast = (headerOf(pdu).flags & PDU_FLAGS.last) !== 0;
  }
  t.true(lengths.length > 1 && lengths.every((length) => length <= 1432), String(lengths));
});

/** 255 contexts with ids from `first` on. */
function manyContexts(first: number): Buffer {
  const many = bindOf(
    Array.from({ length: 255 }, () => epm),
    { type: "alterContext" },
  );
  for (let index = 0; index < 255; index += 1) many.writeUInt16LE(first + index, 28 + 44 * index);
  return many;
}

test("end-point mapper: a flood of contexts ends", async (t) => {
  const { client, harness } = await bound(t);
  client.send(manyContexts(1), manyContexts(1), manyContexts(300));
  t.is((await client.rest()).length, 2);
  client.socket.end();
  await harness.settled();
  t.is(harness.ended[0]?.failure?.message, "RPC: more than 256 contexts");
});

test("end-point mapper: NSPI is told as well, and its own port where it has one", async (t) => {
  const interfaces = { nspi: { uuid: undefined, version: undefined, port: 6004, backendPort: undefined } };
  const { client } = await bound(t, { interfaces });
  const asked = tcpTower(NSPI, 0, "0.0.0.0");
  const stub = new Stub().u32(0, 1, asked.length, asked.length).octets(asked).align().octets(Buffer.alloc(20)).u32(1).bytes;
  client.send(requestOf(stub, { operation: 3 }));
  t.is(portIn(await client.read()), 6004);
});
