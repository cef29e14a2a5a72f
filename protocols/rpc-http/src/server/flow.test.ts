import test from "ava";
import { requestPdus, rtsPdu, rtsValues } from "@postern/testing";
import { CONNECTION, IN, NEXT, OUT, play, rpc, until } from "./test/scripted.ts";

const KB = 1024;
const TO_OUT_PROXY = 3;

test("flow: what the backend sends waits for the client's window, whole PDU by whole PDU", async (t) => {
  const { backend, opened } = await play(t);
  const { incoming, outgoing } = await opened(8 * KB);
  const sent = [1, 2, 3, 4, 5].map((callId) => rpc(3000, callId));
  backend.send(Buffer.concat(sent));
  await until(() => outgoing.rpc === 6000, "two PDUs");
  incoming.say("FlowControlAckWithDestination", { destination: TO_OUT_PROXY, received: 3000, available: 8 * KB, channel: OUT });
  await until(() => outgoing.rpc === 9000, "a third");
  incoming.say("FlowControlAckWithDestination", { destination: TO_OUT_PROXY, received: 9000, available: 8 * KB, channel: OUT });
  await until(() => outgoing.rpc === 15_000, "all of them");
  t.deepEqual(Buffer.concat(outgoing.pdus.slice(2)), Buffer.concat(sent));
});

test("flow: a backend that sends on and on is not read while the client takes nothing", async (t) => {
  const { backend, opened } = await play(t);
  const { outgoing } = await opened(64 * KB);
  const socket = backend.sockets[0]!;
  const run = requestPdus({ callId: 1, stub: Buffer.alloc(1024 * KB) });
  // More than any buffer of the system takes.
  for (let round = 0; round < 64; round++) socket.write(run);
  await until(() => outgoing.rpc > 32 * KB, "a window full");
  t.true(socket.writableLength > 16 * 1024 * KB, String(socket.writableLength));
  t.true(outgoing.rpc <= 64 * KB);
});

test("flow: a client that does not read is not written to, whatever window it tells", async (t) => {
  const { backend, opened } = await play(t);
  const { incoming, outgoing } = await opened(64 * KB);
  outgoing.isStuck = true;
  backend.send(rpc(1000, 1));
  await until(() => outgoing.rpc === 1000, "the first");
  backend.send(rpc(2000, 2));
  backend.send(rpc(3000, 3));
  // What goes the other way meanwhile takes longer than what is sent at once.
  for (const round of [1, 2, 3]) {
    incoming.send(rpc(100, round));
    await until(() => backend.received().length === round * 100, "the other direction");
  }
  t.is(outgoing.rpc, 1000);
  outgoing.drain();
  await until(() => outgoing.rpc === 6000, "the rest");
  t.pass();
});

test("flow: a PDU that no window of the client will ever hold ends the virtual connection", async (t) => {
  const { backend, opened } = await play(t);
  const { incoming, outgoing } = await opened(8 * KB);
  const large = Buffer.alloc(9000);
  rpc(100).copy(large);
  large.writeUInt16LE(large.length, 8);
  backend.send(large);
  await until(() => incoming.ended !== undefined && outgoing.ended !== undefined, "the end");
  t.like(outgoing.ended, { kind: "backend-garbled" });
});

test("flow: what the client sends is acknowledged on OUT when half of the window is used", async (t) => {
  const { backend, opened } = await play(t, { settings: { window: 16 * KB } });
  const { incoming, outgoing } = await opened();
  incoming.send(rpc(5000, 1));
  await until(() => backend.received().length === 5000, "the first");
  t.is(outgoing.heard.length, 2);
  incoming.send(rpc(5000, 2));
  await until(() => outgoing.heard.length === 3, "an acknowledgement");
  t.like(rtsValues("FlowControlAckWithDestination", outgoing.pdus[2]!), {
    destination: 0,
    received: 10_000,
    available: 16 * KB,
    channel: IN,
  });
});

test("flow: a client that sends more than its window before the backend is there is cut", async (t) => {
  const scene = await play(t, { settings: { window: 8 * KB } });
  const incoming = scene.b1();
  incoming.send(rpc(5000, 1));
  incoming.send(rpc(5000, 2));
  await until(() => incoming.ended !== undefined, "the end");
  t.like(incoming.ended, { kind: "syntax" });
});

test("flow: what came on IN before the backend was there is the first that it gets", async (t) => {
  const scene = await play(t);
  const incoming = scene.b1();
  incoming.send(Buffer.concat([rpc(500, 1), rpc(600, 2)]));
  await scene.clock.advance(0);
  const outgoing = scene.a1();
  await until(() => scene.backend.received().length === 1100, "both");
  incoming.send(rpc(700, 3));
  await until(() => scene.backend.received().length === 1800, "the third");
  t.deepEqual(scene.backend.received(), Buffer.concat([rpc(500, 1), rpc(600, 2), rpc(700, 3)]));
  t.is(outgoing.ended, undefined);
});

test("flow: the last words of a backend reach the client, and those that wait for its window too", async (t) => {
  const { backend, opened } = await play(t);
  const { incoming, outgoing } = await opened(8 * KB);
  backend.sockets[0]!.end(Buffer.concat([rpc(5000, 1), rpc(5000, 2)]));
  await until(() => outgoing.rpc === 5000, "the first");
  t.is(outgoing.ended, undefined);
  incoming.say("FlowControlAckWithDestination", { destination: TO_OUT_PROXY, received: 5000, available: 8 * KB, channel: OUT });
  await until(() => outgoing.ended !== undefined && incoming.ended !== undefined, "the end");
  t.is(outgoing.rpc, 10_000);
  t.like(outgoing.ended, { kind: "backend-lost" });
});

for (const [title, bytes] of [
  ["an RTS PDU", rtsPdu("Ping")],
  ["no PDU", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")],
] as const) {
  test(`flow: a backend that sends ${title} ends the virtual connection`, async (t) => {
    const { backend, opened } = await play(t);
    const { incoming, outgoing } = await opened();
    backend.send(bytes);
    await until(() => incoming.ended !== undefined && outgoing.ended !== undefined, "the end");
    t.like(incoming.ended, { kind: "backend-garbled" });
  });
}

test("flow: IN changes to its successor behind the last octet of the old channel", async (t) => {
  const { backend, opened, request } = await play(t);
  const { incoming, outgoing } = await opened();
  const next = request("in", "IN_R1/A1", { connection: CONNECTION, predecessor: IN, successor: NEXT });
  await until(() => outgoing.heard.at(-1) === "IN_R2/A3", "IN_R2/A4");
  next.send(rpc(300, 3));
  incoming.send(rpc(100, 1));
  incoming.send(Buffer.concat([rpc(200, 2), rtsPdu("IN_R1/A5", { successor: NEXT }), rpc(999, 9)]));
  next.send(rpc(400, 4));
  await until(() => backend.received().length === 1000, "all of it");
  t.deepEqual(backend.received(), Buffer.concat([rpc(100, 1), rpc(200, 2), rpc(300, 3), rpc(400, 4)]));
  await until(() => incoming.ended === "well", "the end of the old channel");
  t.is(next.ended, undefined);
});

for (const c1 of ["before OUT_R2/A7", "behind OUT_R2/B3"] as const) {
  test(`flow: OUT changes to its successor, with OUT_R2/C1 ${c1}`, async (t) => {
    const scene = await play(t, { settings: { channelLifetime: 128 * KB } });
    const { incoming, outgoing } = await scene.opened(256 * KB);
    scene.backend.send(requestPdus({ callId: 1, stub: Buffer.alloc(121 * KB) }));
    await until(() => outgoing.heard.includes("OUT_R1/A1"), "OUT_R2/A2");
    const before = outgoing.rpc;
    const a3 = { connection: CONNECTION, predecessor: OUT, successor: NEXT, window: 64 * KB };
    const next = scene.request("out", "OUT_R1/A3", a3);
    await until(() => outgoing.heard.at(-1) === "OUT_R2/A5", "OUT_R2/A6");
    scene.backend.send(rpc(1000, 2));
    await until(() => outgoing.rpc === before + 1000, "RPC while the channels change");
    if (c1 === "before OUT_R2/A7") next.say("OUT_R2/C1");
    incoming.say("OUT_R2/A7", { destination: 2, successor: NEXT });
    await until(() => outgoing.ended === "well", "the end of the old channel");
    t.is(outgoing.heard.at(-1), "OUT_R2/B3");
    scene.backend.send(rpc(2000, 3));
    if (c1 === "behind OUT_R2/B3") {
      await scene.clock.advance(0);
      t.is(next.status, undefined);
      next.say("OUT_R2/C1");
    }
    await until(() => next.rpc === 2000, "RPC on the successor");
    t.is(next.status, 200);
    t.is(outgoing.rpc, before + 1000);
    // The windows begin anew.
    incoming.say("FlowControlAckWithDestination", {
      destination: TO_OUT_PROXY,
      received: 2000,
      available: 64 * KB,
      channel: NEXT,
    });
    const replayed = scene.request("out", "OUT_R1/A3", { ...a3, successor: "66".repeat(16) });
    await until(() => replayed.ended !== undefined, "the refusal");
    t.like(replayed.ended, { kind: "syntax" });
    t.is(next.ended, undefined);
  });
}

test("flow: an OUT channel whose lifetime is over waits for its successor, and nothing is lost", async (t) => {
  const scene = await play(t, { settings: { channelLifetime: 128 * KB } });
  const { incoming, outgoing } = await scene.opened(256 * KB);
  const all = requestPdus({ callId: 1, stub: Buffer.alloc(300 * KB, 7) });
  scene.backend.send(all);
  await until(() => outgoing.rpc > 200 * KB, "what fits");
  incoming.say("FlowControlAckWithDestination", {
    destination: TO_OUT_PROXY,
    received: outgoing.rpc,
    available: 256 * KB,
    channel: OUT,
  });
  await until(() => outgoing.rpc > 240 * KB, "what its lifetime allows");
  t.true(outgoing.bytes <= 256 * KB);
  const next = scene.request("out", "OUT_R1/A3", { connection: CONNECTION, predecessor: OUT, successor: NEXT, window: 256 * KB });
  next.say("OUT_R2/C1");
  await until(() => outgoing.heard.at(-1) === "OUT_R2/A5", "OUT_R2/A6");
  incoming.say("OUT_R2/A7", { destination: 2, successor: NEXT });
  await until(() => outgoing.rpc + next.rpc === all.length, "the rest");
  t.deepEqual(Buffer.concat([...outgoing.pdus, ...next.pdus].filter((pdu) => pdu[2] !== 20)), all);
});

test("time: the client hears a ping when nothing went out for half of the time-out, and none while RPC flows", async (t) => {
  const scene = await play(t, { settings: { connectionTimeout: 240_000 } });
  const { incoming, outgoing } = await scene.opened();
  const pings = (): number => outgoing.heard.filter((name) => name === "Ping").length;
  await scene.clock.advance(110_000);
  t.is(pings(), 0);
  scene.backend.send(rpc(100));
  await until(() => outgoing.rpc === 100, "RPC");
  await scene.clock.advance(110_000);
  t.is(pings(), 0);
  incoming.say("Ping");
  await scene.clock.advance(20_000);
  t.is(pings(), 1);
  t.is(outgoing.ended, undefined);
});

test("time: an IN channel on which nothing comes is dead after twice the time-out, and a ping keeps it", async (t) => {
  const scene = await play(t, { settings: { connectionTimeout: 240_000 } });
  const { incoming, outgoing } = await scene.opened();
  await scene.clock.advance(440_000);
  incoming.say("Ping");
  await scene.clock.advance(440_000);
  t.is(incoming.ended, undefined);
  await scene.clock.advance(60_000);
  await until(() => incoming.ended !== undefined && outgoing.ended !== undefined, "the end");
  t.like(incoming.ended, { kind: "idle" });
});

test("time: nothing waits when the last virtual connection is over", async (t) => {
  const scene = await play(t);
  const { incoming, outgoing } = await scene.opened();
  incoming.lose();
  await until(() => outgoing.ended !== undefined && scene.backend.open() === 0, "the end");
  await scene.clock.advance(10_000);
  t.is(scene.clock.pending, 0);
});
