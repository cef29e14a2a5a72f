import test from "ava";
import type { FailureKind } from "@postern/contracts";
import { rtsPdu } from "../rts/pdus.ts";
import { cookie, IN, KB, NEXT, OUT, rpc, Scene, VC, type Taken } from "./test/scene.ts";

const kindOf = async ({ channel }: Pick<Taken, "channel">): Promise<FailureKind | undefined> => (await channel.over())?.kind;

const ANCE = rtsPdu("OUT_R2/B1", {});
const A11 = rtsPdu("OUT_R1/A11", {});
const C1 = rtsPdu("OUT_R2/C1", {});
const ack = (channel: string, received: number, available = 64 * KB): Buffer =>
  rtsPdu("FlowControlAckWithDestination", { destination: "out-proxy", channel, received, available });

test("out-proxy: CONN/A1 becomes CONN/A2; the client hears 200 and CONN/A3, and CONN/C2 when CONN/C1 has come", async (t) => {
  const scene = await Scene.start(t);
  const { channel } = scene.connOut();
  const leg = await scene.server.leg();
  t.deepEqual(await leg.rts("CONN/A2"), { connection: VC, channel: OUT, lifetime: 1024 ** 3, window: 64 * KB });
  t.deepEqual(await channel.rts("CONN/A3"), { timeout: 900_000 });
  t.true(channel.isBegun);
  leg.say(rtsPdu("CONN/C1", { window: 12_345, timeout: 120_000 }), rpc(3000, 1));
  t.deepEqual(await channel.rts("CONN/C2"), { window: 12_345, timeout: 120_000 });
  t.deepEqual(await channel.rpc(3000), rpc(3000, 1));
});

test("out-proxy: before the server is there nothing is answered, so that a failure can be told", async (t) => {
  const scene = await Scene.start(t);
  scene.server.stop();
  const taken = scene.connOut();
  t.is(await kindOf(taken), "backend-unreachable");
  t.false(taken.channel.isBegun);
});

test("out-proxy: the client is sent no more than its window; its acknowledgements come by way of the server", async (t) => {
  const scene = await Scene.start(t);
  const { channel, leg } = await scene.openedOut(8 * KB);
  leg.say(Buffer.concat([rpc(4000, 1), rpc(4000, 2), rpc(4000, 3)]));
  t.deepEqual(await channel.rpc(8000), Buffer.concat([rpc(4000, 1), rpc(4000, 2)]));
  leg.say(ack(cookie("9"), 8000, 8 * KB), ack(OUT, 8000, 8 * KB));
  t.deepEqual(await channel.rpc(4000), rpc(4000, 3));
});

test("out-proxy: the server is told directly what the client was sent, and no sooner", async (t) => {
  const scene = await Scene.start(t, { window: 8 * KB });
  const { channel, leg } = await scene.openedOut();
  channel.isFull = true;
  const here = rtsPdu("IN_R2/A3", {});
  leg.say(rpc(5000), here, rpc(500), here);
  await channel.rpc(5000);
  await channel.rts("IN_R2/A4");
  await channel.rts("IN_R2/A4");
  t.is(channel.unheard, 0);
  channel.drain();
  await channel.rpc(500);
  t.deepEqual(await leg.rts("FlowControlAck"), { channel: OUT, received: 5500, available: 8 * KB - 500 });
});

test("out-proxy: what the server said last goes out though the client is slow, as far as its window goes", async (t) => {
  const scene = await Scene.start(t);
  const { channel, leg } = await scene.openedOut(8 * KB);
  channel.isFull = true;
  leg.say(rpc(3000, 1));
  await channel.rpc(3000);
  leg.say(Buffer.concat([rpc(2000, 2), rpc(2000, 3), rpc(2000, 4)]));
  leg.socket.end();
  t.is((await channel.over())?.kind, "backend-lost");
  t.deepEqual(await channel.rpc(4000), Buffer.concat([rpc(2000, 2), rpc(2000, 3)]));
  t.is(channel.unheard, 0);
});

test("out-proxy: a server that ends behind a PDU that the client's window will never hold ends this connection alone", async (t) => {
  const scene = await Scene.start(t);
  const { channel, leg } = await scene.openedOut(8 * KB);
  channel.isFull = true;
  leg.say(rpc(3000, 1));
  await channel.rpc(3000);
  leg.say(rpc(9000, 2));
  leg.socket.end();
  t.is((await channel.over())?.kind, "syntax");
});

test("out-proxy: a server that breaks its window is cut", async (t) => {
  const scene = await Scene.start(t, { window: 8 * KB });
  const taken = await scene.openedOut();
  taken.channel.isFull = true;
  taken.leg.say(rpc(5000), rpc(5000));
  t.is(await kindOf(taken), "backend-garbled");
});

test("out-proxy: what the inbound proxy and the server have for the client is passed on as it came", async (t) => {
  const scene = await Scene.start(t);
  const { channel, leg } = await scene.openedOut(8 * KB);
  leg.say(Buffer.concat([rpc(8000), rpc(8000)]));
  await channel.rpc(8000);
  // Under no window.
  const pdus = [
    rtsPdu("FlowControlAckWithDestination", { destination: "client", channel: IN, received: 1, available: 2 }),
    rtsPdu("IN_R1/A4", { window: 8 * KB, timeout: 120_000 }),
    rtsPdu("IN_R2/A4", {}),
    rtsPdu("OUT_R1/A1", {}),
    rtsPdu("OUT_R1/A5", { timeout: 120_000 }),
  ];
  leg.say(...pdus);
  for (const pdu of pdus) t.deepEqual(await channel.next(), pdu);
});

for (const order of ["B1 before C1", "C1 before B1"] as const) {
  test(`out-proxy: OUT_R2, ${order}: the old channel is flushed and ends with B3, then the successor says 200`, async (t) => {
    const scene = await Scene.start(t);
    const { first, second, leg } = await scene.succeededOut(8 * KB);
    leg.say(rtsPdu("OUT_R2/A5", {}), rpc(8000, 1), rpc(1000, 2));
    await first.channel.rts("OUT_R2/A6");
    await first.channel.rpc(8000);
    if (order === "C1 before B1") second.channel.say(C1);
    leg.say(ANCE, rpc(500, 3));
    leg.say(ack(OUT, 8000, 8 * KB));
    t.deepEqual(await first.channel.rpc(1000), rpc(1000, 2));
    await first.channel.rts("OUT_R2/B3");
    t.is(await first.channel.over(), undefined);
    t.is(first.channel.unheard, 0);
    t.is(await first.settled, undefined);
    if (order === "B1 before C1") {
      t.false(second.channel.isBegun);
      second.channel.say(C1);
    }
    await second.channel.until(() => second.channel.isBegun, "200");
    t.deepEqual(await second.channel.rpc(500), rpc(500, 3));
    // The successor has a window of its own, under its own cookie.
    leg.say(ack(OUT, 9000, 8 * KB), ack(NEXT, 500), rpc(500, 4));
    t.deepEqual(await second.channel.rpc(500), rpc(500, 4));
    t.is(scene.server.accepted, 1);
  });
}

test("out-proxy: OUT_R2: both words may come while the old channel is still being flushed", async (t) => {
  const scene = await Scene.start(t);
  const { first, second, leg } = await scene.succeededOut();
  first.channel.isFull = true;
  leg.say(rpc(500, 1));
  await first.channel.rpc(500);
  second.channel.say(C1);
  leg.say(rpc(500, 2), ANCE, rpc(500, 3));
  first.channel.drain();
  t.deepEqual(await first.channel.rpc(500), rpc(500, 2));
  await first.channel.rts("OUT_R2/B3");
  t.deepEqual(await second.channel.rpc(500), rpc(500, 3));
});

test("out-proxy: after OUT_R2 the server hears its last acknowledgement again, under the new cookie", async (t) => {
  const scene = await Scene.start(t, { window: 8 * KB });
  const { first, second, leg } = await scene.succeededOut();
  leg.say(rpc(5000));
  await first.channel.rpc(5000);
  t.is((await leg.rts("FlowControlAck")).channel, OUT);
  second.channel.say(C1);
  leg.say(ANCE);
  t.deepEqual(await leg.rts("FlowControlAck"), { channel: NEXT, received: 5000, available: 8 * KB });
});

test("out-proxy: OUT_R2/B2: the old channel goes on, and the successor is told no", async (t) => {
  const scene = await Scene.start(t);
  const { first, second, leg } = await scene.succeededOut();
  leg.say(rtsPdu("OUT_R2/B2", {}), rpc(500));
  await first.channel.rpc(500);
  t.is(await kindOf(second), "backend-unavailable");
  t.false(second.channel.isBegun);
  // Another one may come.
  const third = scene.nextOut({ channel: cookie("6") });
  t.deepEqual(await leg.rts("OUT_R2/A4"), { successor: cookie("6") });
  t.false(third.channel.isOver);
});

test("out-proxy: OUT_R1: the predecessor sends what waits, ends with A10, and leaves", async (t) => {
  const scene = await Scene.start(t);
  const { channel, leg, settled } = await scene.openedOut(8 * KB);
  leg.say(rpc(8000, 1), rpc(1000, 2), ANCE);
  await channel.rpc(8000);
  leg.say(ack(OUT, 8000, 8 * KB));
  t.deepEqual(await channel.rpc(1000), rpc(1000, 2));
  await channel.rts("OUT_R1/A10");
  t.is(await channel.over(), undefined);
  t.is(await settled, undefined);
  t.is(channel.unheard, 0);
  await leg.left();
});

test("out-proxy: OUT_R1: a successor whose predecessor is elsewhere goes to the server by itself, and says 200 after A11", async (t) => {
  const scene = await Scene.start(t);
  const { channel } = scene.nextOut();
  const leg = await scene.server.leg();
  t.deepEqual(await leg.rts("OUT_R1/A4"), {
    connection: VC,
    predecessor: OUT,
    channel: NEXT,
    lifetime: 1024 ** 3,
    window: 64 * KB,
    timeout: 900_000,
  });
  leg.say(rpc(100, 1), rtsPdu("Ping", {}), rtsPdu("IN_R2/A3", {}));
  await channel.rts("IN_R2/A4");
  t.false(channel.isBegun);
  t.is(channel.unheard, 0);
  channel.say(A11);
  t.deepEqual(await channel.rpc(100), rpc(100, 1));
  t.true(channel.isBegun);
});

test("out-proxy: channels may change many times", async (t) => {
  const scene = await Scene.start(t);
  let { channel, leg } = await scene.openedOut();
  let predecessor = OUT;
  for (let round = 0; round < 20; round++) {
    const successor = (round + 100).toString(16).padStart(32, "0");
    const next = scene.nextOut({ predecessor, channel: successor });
    await leg.rts("OUT_R2/A4");
    next.channel.say(C1);
    leg.say(rpc(64, round), ANCE, rpc(64, round + 1));
    t.deepEqual(await channel.rpc(64), rpc(64, round));
    await channel.rts("OUT_R2/B3");
    t.deepEqual(await next.channel.rpc(64), rpc(64, round + 1));
    ({ channel } = next);
    predecessor = successor;
  }
});

test("out-proxy: a successor that does not belong here is refused, and changes nothing", async (t) => {
  const scene = await Scene.start(t);
  const { leg, ...first } = await scene.openedOut();
  t.is(await kindOf(scene.connOut()), "syntax", "a second CONN/A1");
  t.is(await kindOf(scene.nextOut({ predecessor: cookie("9") })), "syntax", "of another channel");
  t.is(await kindOf(scene.nextOut({ channel: OUT })), "syntax", "with the cookie of the channel before it");
  t.is(await kindOf(scene.nextOut({ user: "eve@example.com" })), "not-authorized", "of another user");
  const second = scene.nextOut();
  await leg.rts("OUT_R2/A4");
  t.is(await kindOf(scene.nextOut({ channel: cookie("6") })), "syntax", "a second successor");
  leg.say(rpc(100));
  await first.channel.rpc(100);
  t.false(second.channel.isOver);
  t.is(scene.server.accepted, 1);
});

test("out-proxy: a client that reads nothing is given up before RTS PDUs heap up", async (t) => {
  const scene = await Scene.start(t);
  const taken = await scene.openedOut();
  taken.channel.isFull = true;
  const pdu = rtsPdu("IN_R2/A3", {});
  taken.leg.say(Buffer.concat(Array.from({ length: 64 * 40 }, () => pdu)));
  t.is(await kindOf(taken), "client-gone");
});
