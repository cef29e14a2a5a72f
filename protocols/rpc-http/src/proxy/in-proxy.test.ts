import test from "ava";
import { Failure, type FailureKind } from "@postern/contracts";
import { rtsPdu } from "../rts/pdus.ts";
import { cookie, GROUP, IN, KB, NEXT, OUT, rpc, Scene, VC, type Taken } from "./test/scene.ts";

const GONE = new Failure("client-gone", "gone");
const kindOf = async ({ channel }: Pick<Taken, "channel">): Promise<FailureKind | undefined> => (await channel.over())?.kind;

test("in-proxy: CONN/B1 becomes CONN/B2, and what the client says waits until CONN/B3", async (t) => {
  const scene = await Scene.start(t);
  const { channel } = scene.connIn();
  const leg = await scene.server.leg();
  t.deepEqual(await leg.rts("CONN/B2"), {
    connection: VC,
    channel: IN,
    window: 64 * KB,
    timeout: 900_000,
    group: GROUP,
    client: "192.0.2.7",
  });
  channel.say(rpc(100, 1));
  channel.say(rtsPdu("Ping", {}));
  channel.say(rtsPdu("FlowControlAckWithDestination", { destination: "out-proxy", channel: OUT, received: 1, available: 2 }));
  // Under no window: it comes first.
  t.is((await leg.rts("FlowControlAckWithDestination")).channel, OUT);
  leg.say(rtsPdu("CONN/B3", { window: 64 * KB }));
  t.deepEqual(await leg.rpc(100), rpc(100, 1));
  channel.say(rpc(3000, 2));
  t.deepEqual(await leg.rpc(3000), rpc(3000, 2));
  t.is(channel.session.backend, "mbx1");
});

test("in-proxy: the greeting of a server may come first, in any pieces", async (t) => {
  const scene = await Scene.start(t);
  const { channel } = scene.connIn();
  const leg = await scene.server.leg();
  leg.say(Buffer.from("ncacn_"));
  await leg.rts("CONN/B2");
  leg.say(Buffer.from("http/1.0"), rtsPdu("CONN/B3", { window: 64 * KB }));
  channel.say(rpc(100));
  await leg.rpc(100);
  t.false(channel.isOver);
});

test("in-proxy: the server is sent no more than its window, PDU by PDU, and the rest when it has acknowledged", async (t) => {
  const scene = await Scene.start(t);
  const { channel, leg } = await scene.openedIn(8 * KB);
  channel.say(Buffer.concat([rpc(4000, 1), rpc(4000, 2), rpc(4000, 3)]));
  t.deepEqual(await leg.rpc(8000), Buffer.concat([rpc(4000, 1), rpc(4000, 2)]));
  leg.say(rtsPdu("FlowControlAck", { channel: cookie("9"), received: 8024, available: 8 * KB }));
  leg.say(rtsPdu("FlowControlAck", { channel: IN, received: 8024, available: 8 * KB }));
  t.deepEqual(await leg.rpc(4000), rpc(4000, 3));
});

test("in-proxy: the client hears by way of the server what was passed on", async (t) => {
  const scene = await Scene.start(t, { window: 8 * KB });
  const { channel, leg } = await scene.openedIn();
  channel.say(rpc(5000));
  await leg.rpc(5000);
  const ack = await leg.rts("FlowControlAckWithDestination");
  t.deepEqual(ack, { destination: "client", channel: IN, received: 5024, available: 8 * KB });
});

test("in-proxy: a client that breaks its window is cut, and the server with it", async (t) => {
  const scene = await Scene.start(t, { window: 8 * KB });
  const taken = scene.connIn();
  const leg = await scene.server.leg();
  await leg.rts("CONN/B2");
  taken.channel.say(rpc(5000));
  taken.channel.say(rpc(5000));
  t.is(await kindOf(taken), "syntax");
  await leg.left();
});

test("in-proxy: IN_R2: a successor waits for the last word on the channel before it, and no octet is lost or overtaken", async (t) => {
  const scene = await Scene.start(t);
  const first = await scene.openedIn();
  const second = scene.nextIn();
  t.deepEqual(await first.leg.rts("IN_R2/A2"), { successor: NEXT });
  second.channel.say(rpc(200, 2));
  first.channel.say(rpc(100, 1));
  first.channel.say(rtsPdu("IN_R2/A5", { successor: NEXT }));
  t.deepEqual(await first.leg.rpc(300), Buffer.concat([rpc(100, 1), rpc(200, 2)]));
  t.is(await first.settled, undefined);
  t.is(await first.channel.over(), undefined);
  // It goes on, with the same connection to the server; either cookie means that one.
  first.leg.say(rtsPdu("FlowControlAck", { channel: NEXT, received: 324, available: 64 * KB }));
  second.channel.say(rpc(100, 3));
  t.deepEqual(await first.leg.rpc(100), rpc(100, 3));
  t.is(scene.server.accepted, 1);
});

test("in-proxy: channels may change many times", async (t) => {
  const scene = await Scene.start(t);
  let { channel, leg } = await scene.openedIn();
  let predecessor = IN;
  for (let round = 0; round < 20; round++) {
    const successor = (round + 100).toString(16).padStart(32, "0");
    const next = scene.nextIn({ predecessor, channel: successor });
    await leg.rts("IN_R2/A2");
    channel.say(rtsPdu("IN_R2/A5", { successor }));
    next.channel.say(rpc(64, round));
    t.deepEqual(await leg.rpc(64), rpc(64, round));
    ({ channel } = next);
    predecessor = successor;
  }
});

test("in-proxy: IN_R1: the predecessor passes the word on, sends what waits, and leaves in order", async (t) => {
  const scene = await Scene.start(t);
  const first = await scene.openedIn(8 * KB);
  first.channel.say(Buffer.concat([rpc(8000, 1), rpc(1000, 2)]));
  await first.leg.rpc(8000);
  first.channel.say(rtsPdu("IN_R1/A5", { successor: NEXT }));
  t.deepEqual(await first.leg.rts("IN_R1/A6"), { successor: NEXT });
  // The client may leave at once: what it said before still counts.
  first.channel.lose(GONE);
  first.leg.say(rtsPdu("FlowControlAck", { channel: IN, received: 8024, available: 8 * KB }));
  t.deepEqual(await first.leg.rpc(1000), rpc(1000, 2));
  await first.leg.rts("IN_R1/B1");
  await first.leg.left();
});

test("in-proxy: IN_R1: a successor whose predecessor is elsewhere goes to the server by itself, and waits for IN_R1/B2", async (t) => {
  const scene = await Scene.start(t);
  const { channel } = scene.nextIn();
  const leg = await scene.server.leg();
  t.deepEqual(await leg.rts("IN_R1/A2"), {
    connection: VC,
    predecessor: IN,
    channel: NEXT,
    window: 64 * KB,
    timeout: 900_000,
  });
  channel.say(rpc(100, 1));
  leg.say(rtsPdu("IN_R1/B2", { window: 64 * KB }));
  t.deepEqual(await leg.rpc(100), rpc(100, 1));
});

test("in-proxy: a successor that does not belong here is refused, and changes nothing", async (t) => {
  const scene = await Scene.start(t);
  const early = scene.connIn();
  const before = scene.nextIn();
  t.is(await kindOf(before), "syntax", "before the channel is open");
  const leg = await scene.server.leg();
  await leg.rts("CONN/B2");
  leg.say(rtsPdu("CONN/B3", { window: 64 * KB }));
  early.channel.say(rpc(24));
  await leg.rpc(24);
  t.is(await kindOf(scene.connIn()), "syntax", "a second CONN/B1");
  t.is(await kindOf(scene.nextIn({ predecessor: cookie("9") })), "syntax", "of another channel");
  t.is(await kindOf(scene.nextIn({ channel: IN })), "syntax", "with the cookie of the channel before it");
  t.is(await kindOf(scene.nextIn({ user: "eve@example.com" })), "not-authorized", "of another user");
  t.is(await kindOf(scene.connOut("eve@example.com")), "not-authorized", "the other half, of another user");
  scene.legs = scene.legs.map((one) => ({ ...one, port: 1 }));
  t.is(await kindOf(scene.nextIn()), "route-refused", "to another port");
  early.channel.say(rpc(100, 1));
  t.deepEqual(await leg.rpc(100), rpc(100, 1));
  t.is(scene.server.accepted, 1);
});

test("in-proxy: PDUs that a state does take change nothing", async (t) => {
  const scene = await Scene.start(t);
  const { channel, leg } = await scene.openedIn();
  leg.say(
    rtsPdu("Ping", {}),
    rtsPdu("FlowControlAckWithDestination", { destination: "in-proxy", channel: IN, received: 24, available: 64 * KB }),
  );
  channel.say(rtsPdu("Keep-Alive", { keepAlive: 60_000 }));
  channel.say(rtsPdu("Keep-Alive", { keepAlive: 0xffff_ffff }));
  channel.say(rtsPdu("OUT_R2/A7", { successor: NEXT }));
  t.deepEqual(await leg.next(), rtsPdu("OUT_R2/A7", { successor: NEXT }));
  channel.say(rpc(100));
  await leg.rpc(100);
  t.false(channel.isOver);
});

test("in-proxy: a PDU larger than the server's window can never be sent, and ends the channel", async (t) => {
  const scene = await Scene.start(t);
  const taken = await scene.openedIn(8 * KB);
  taken.channel.say(rpc(9000));
  t.is(await kindOf(taken), "syntax");
});

test("in-proxy: the next candidate takes the place of a server that is not there", async (t) => {
  const scene = await Scene.start(t);
  const [leg] = scene.legs;
  if (leg !== undefined) scene.legs = [{ ...leg, backend: "mbx0", port: 1 }, leg];
  const { channel } = scene.connIn();
  await (await scene.server.leg()).rts("CONN/B2");
  t.is(channel.session.backend, "mbx1");
  t.deepEqual(scene.logger.messages("warn"), ["backend failed"]);
});

test("in-proxy: without a server the client is told", async (t) => {
  const scene = await Scene.start(t);
  scene.server.stop();
  const taken = scene.connIn();
  t.is(await kindOf(taken), "backend-unreachable");
  t.is(await taken.settled, undefined);
});

test("in-proxy: a client that left is not told of to the server, and its cookie is free again", async (t) => {
  const scene = await Scene.start(t);
  const { channel, settled } = scene.connIn();
  channel.lose(GONE);
  await settled;
  await (await scene.server.leg()).left();
  scene.connIn();
  t.is((await (await scene.server.leg()).rts("CONN/B2")).channel, IN);
});

test("in-proxy: a server that reads nothing is given up before the client's RTS PDUs heap up", async (t) => {
  const scene = await Scene.start(t);
  const { channel, leg } = await scene.openedIn();
  leg.socket.pause();
  const pdu = rtsPdu("FlowControlAckWithDestination", { destination: "out-proxy", channel: OUT, received: 0, available: 0 });
  for (let sent = 0; sent < 400_000 && !channel.isOver; sent++) channel.say(pdu);
  t.is(channel.failure?.kind, "backend-silent");
});
