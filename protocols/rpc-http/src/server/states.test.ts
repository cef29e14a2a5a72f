import test, { type ExecutionContext } from "ava";
import { requestPdus, rtsPdu, rtsValues, type RtsName, type RtsValues } from "@postern/testing";
import { rpcLeg } from "./test/scene.ts";
import { CONNECTION, IN, NEXT, OUT, play, rpc, until, type Play, type ScriptedRequest } from "./test/scripted.ts";

const KB = 1024;
const RECYCLED = { connection: CONNECTION, successor: NEXT };
const OUT_A3 = { ...RECYCLED, predecessor: OUT, window: 64 * KB };
const IN_A1 = { ...RECYCLED, predecessor: IN };

/** All that a state has. */
interface State {
  readonly scene: Play;
  readonly channels: Readonly<Record<string, ScriptedRequest>>;
}

const NEARLY_OVER = { channelLifetime: 128 * KB };

/** Sends so much that the OUT channel asks for a successor. */
async function untilAsked({ backend }: Play, outgoing: ScriptedRequest, incoming: ScriptedRequest): Promise<void> {
  for (const callId of [1, 2]) {
    backend.send(requestPdus({ callId, stub: Buffer.alloc(59 * KB) }));
    await until(() => outgoing.rpc > callId * 59 * KB, "what the backend sent");
    incoming.say("FlowControlAckWithDestination", { destination: 3, received: outgoing.rpc, available: 64 * KB, channel: OUT });
  }
  backend.send(rpc(5000, 3));
  await until(() => outgoing.heard.includes("OUT_R1/A1"), "OUT_R2/A2");
}

const STATES: Readonly<Record<string, (t: ExecutionContext) => Promise<State>>> = {
  "OUT waits for IN": async (t) => {
    const scene = await play(t);
    const outgoing = scene.a1();
    await until(() => outgoing.heard.length === 1, "CONN/A3");
    return { scene, channels: { outgoing } };
  },
  "IN waits for OUT": async (t) => {
    const scene = await play(t);
    const incoming = scene.b1();
    await until(() => scene.claims() === 1, "its place in a virtual connection");
    await scene.clock.advance(0);
    return { scene, channels: { incoming } };
  },
  opened: async (t) => {
    const scene = await play(t);
    return { scene, channels: { ...(await scene.opened()) } };
  },
  "OUT has asked for a successor": async (t) => {
    const scene = await play(t, { settings: NEARLY_OVER });
    const { incoming, outgoing } = await scene.opened();
    await untilAsked(scene, outgoing, incoming);
    return { scene, channels: { incoming, outgoing } };
  },
  "the successor of OUT is there": async (t) => {
    const { scene, channels } = await STATES["OUT has asked for a successor"]!(t);
    const next = scene.request("out", "OUT_R1/A3", OUT_A3);
    await until(() => channels["outgoing"]?.heard.at(-1) === "OUT_R2/A5", "OUT_R2/A6");
    return { scene, channels: { ...channels, next } };
  },
  "OUT has switched, and its successor has not begun": async (t) => {
    const { scene, channels } = await STATES["the successor of OUT is there"]!(t);
    const { incoming, next, outgoing } = channels;
    incoming?.say("OUT_R2/A7", { destination: 2, successor: NEXT });
    await until(() => outgoing?.isOver === true, "the end of the old channel");
    return { scene, channels: { incoming: incoming!, next: next! } };
  },
  "the successor of IN is there": async (t) => {
    const scene = await play(t);
    const { incoming, outgoing } = await scene.opened();
    const next = scene.request("in", "IN_R1/A1", IN_A1);
    await until(() => outgoing.heard.at(-1) === "IN_R2/A3", "IN_R2/A4");
    return { scene, channels: { incoming, outgoing, next } };
  },
};

for (const [name, reach] of Object.entries(STATES)) {
  test(`states: ${name}: the loss of any channel ends the others, and the backend's connection`, async (t) => {
    const count = Object.keys((await reach(t)).channels).length;
    for (let lost = 0; lost < count; lost++) {
      const { scene, channels } = await reach(t);
      const all = Object.values(channels);
      all[lost]?.lose();
      await scene.clock.advance(5000);
      await until(() => all.every(({ ended }) => ended !== undefined), "the end of all channels");
      await until(() => scene.backend.open() === 0, "the end of the backend's connection");
      t.pass();
    }
  });

  test(`states: ${name}: the loss of the backend ends all channels`, async (t) => {
    const { scene, channels } = await reach(t);
    if (scene.backend.sockets.length === 0) return t.pass();
    for (const socket of scene.backend.sockets) socket.resetAndDestroy();
    await scene.clock.advance(0);
    await until(() => scene.backend.open() === 0, "the end of the backend's connection");
    // What it had said is kept for a successor that is on its way.
    for (let look = 0; look < 40; look++) await scene.clock.advance(5000);
    await until(() => Object.values(channels).every(({ ended }) => ended !== undefined), "the end of all channels");
    t.pass();
  });

  test(`states: ${name}: without a word from the client it is over when its time is`, async (t) => {
    if (name === "opened") return t.pass();
    const { scene, channels } = await reach(t);
    await scene.clock.advance(119_000);
    const all = Object.values(channels);
    t.true(all.every(({ ended }) => ended === undefined));
    await scene.clock.advance(12_000);
    await until(() => all.every(({ ended }) => ended !== undefined), "the end of all channels");
  });
}

const ACK = { received: 0, available: 64 * KB, channel: OUT };

const WRONG_ON_IN: readonly (readonly [string, RtsName, RtsValues])[] = [
  ["Echo", "Echo", {}],
  ["PingTrafficSentNotify", "PingTrafficSentNotify", { octets: 1031 }],
  ["an acknowledgement without a destination", "FlowControlAck", ACK],
  ["an acknowledgement for the server", "FlowControlAckWithDestination", { ...ACK, destination: 2 }],
  ["an acknowledgement of more than was sent", "FlowControlAckWithDestination", { ...ACK, received: 1, destination: 3 }],
  ["a window that is larger than it was", "FlowControlAckWithDestination", { ...ACK, available: 65 * KB, destination: 3 }],
  ["CONN/B1 again", "CONN/B1", { connection: CONNECTION, channel: IN, lifetime: KB ** 3, keepAlive: 0, group: NEXT }],
  ["IN_R2/A5 for a channel that is not there", "IN_R1/A5", { successor: NEXT }],
  ["OUT_R2/A7 for a channel that is not there", "OUT_R2/A7", { destination: 2, successor: NEXT }],
  ["OUT_R1/A7", "OUT_R1/A7", { destination: 2, successor: NEXT }],
  ["CONN/C2", "CONN/C2", { window: 64 * KB, timeout: 120_000 }],
];

for (const [title, name, values] of WRONG_ON_IN) {
  test(`states: ${title} on an open IN channel ends the virtual connection`, async (t) => {
    const scene = await play(t);
    const { incoming, outgoing } = await scene.opened();
    incoming.say(name, values);
    await until(() => incoming.ended !== undefined && outgoing.ended !== undefined, "the end");
    t.like(incoming.ended, { kind: "syntax" });
    await until(() => scene.backend.open() === 0, "the end of the backend's connection");
  });
}

test("states: an acknowledgement of a channel that is not there is nothing", async (t) => {
  const scene = await play(t);
  const { incoming, outgoing } = await scene.opened();
  incoming.say("FlowControlAckWithDestination", { ...ACK, channel: NEXT, received: 5, destination: 3 });
  incoming.say("Ping");
  incoming.say("Keep-Alive", { keepAlive: 60_000 });
  incoming.send(rpc(100));
  await until(() => scene.backend.received().length === 100, "what the client sent");
  t.is(outgoing.ended, undefined);
});

for (const [title, bytes] of [
  ["RPC", rpc(100)],
  ["a ping", rtsPdu("Ping")],
  ["OUT_R2/C1", rtsPdu("OUT_R2/C1")],
] as const) {
  test(`states: ${title} behind CONN/A1 ends the virtual connection`, async (t) => {
    const scene = await play(t);
    const { incoming, outgoing } = await scene.opened();
    outgoing.send(bytes);
    await until(() => incoming.ended !== undefined && outgoing.ended !== undefined, "the end");
    t.like(outgoing.ended, { kind: "syntax" });
  });
}

const REFUSED: readonly (readonly [string, "in" | "out", RtsName, RtsValues, string?])[] = [
  ["a second CONN/A1", "out", "CONN/A1", { connection: CONNECTION, channel: NEXT, window: 64 * KB }],
  ["a second CONN/B1", "in", "CONN/B1", { connection: CONNECTION, channel: NEXT, lifetime: KB ** 3, keepAlive: 0, group: NEXT }],
  ["an OUT successor that nobody asked for", "out", "OUT_R1/A3", OUT_A3],
  ["an IN successor of another channel", "in", "IN_R1/A1", { ...IN_A1, predecessor: OUT }],
  ["an IN successor with the cookie of the channel that is there", "in", "IN_R1/A1", { ...IN_A1, successor: IN }],
  ["an IN successor of another virtual connection", "in", "IN_R1/A1", { ...IN_A1, connection: NEXT }],
  ["an IN successor of another user", "in", "IN_R1/A1", IN_A1, "bob@example.com"],
];

for (const [title, direction, name, values, user] of REFUSED) {
  test(`states: ${title} is refused, and the virtual connection goes on`, async (t) => {
    const scene = await play(t);
    const { incoming, outgoing } = await scene.opened();
    const forged = scene.request(direction, name, values, user);
    await until(() => forged.ended !== undefined, "the refusal");
    t.like(forged.ended, { kind: "syntax" });
    t.is(forged.status, undefined);
    incoming.send(rpc(100));
    scene.backend.send(rpc(200));
    await until(() => scene.backend.received().length === 100 && outgoing.rpc === 200, "both directions");
    t.is(scene.backend.sockets.length, 1);
  });
}

test("states: an IN channel that was replaced is no predecessor any more", async (t) => {
  const { scene, channels } = await STATES["the successor of IN is there"]!(t);
  channels["incoming"]?.say("IN_R1/A5", { successor: NEXT });
  const replayed = scene.request("in", "IN_R1/A1", { ...IN_A1, successor: "66".repeat(16) });
  await until(() => replayed.ended !== undefined, "the refusal");
  t.like(replayed.ended, { kind: "syntax" });
  t.is(channels["next"]?.ended, undefined);
});

test("states: of two that would take over from one channel the second is refused", async (t) => {
  for (const [state, direction, name, values] of [
    ["the successor of IN is there", "in", "IN_R1/A1", IN_A1],
    ["the successor of OUT is there", "out", "OUT_R1/A3", OUT_A3],
  ] as const) {
    const { scene, channels } = await STATES[state]!(t);
    const second = scene.request(direction, name, { ...values, successor: "66".repeat(16) });
    await until(() => second.ended !== undefined, "the refusal");
    t.like(second.ended, { kind: "syntax" });
    t.true(Object.values(channels).every(({ ended }) => ended === undefined));
  }
});

test("states: the client is told the numbers of the settings", async (t) => {
  const scene = await play(t, { settings: { connectionTimeout: 240_000, window: 32 * KB } });
  const { outgoing } = await scene.opened();
  const [a3, c2] = outgoing.pdus;
  t.like(rtsValues("CONN/A3", a3!), { timeout: 240_000 });
  t.like(rtsValues("CONN/C2", c2!), { timeout: 240_000, window: 32 * KB });
  t.deepEqual(scene.parts.evidence, ["mbx1 there"]);
});

test("states: a candidate that is down is passed over; when all are, IN is told and OUT ends", async (t) => {
  const dead = rpcLeg(1, { backend: "dead" });
  const other = await play(t);
  const scene = await play(t, { legs: [dead, rpcLeg(other.backend.port)] });
  scene.a1();
  scene.b1();
  await until(() => other.backend.sockets.length === 1, "the second candidate");
  t.deepEqual(scene.parts.evidence[0], "dead failed");
  const down = await play(t, { legs: [dead] });
  const [outgoing, incoming] = [down.a1(), down.b1()];
  await until(() => outgoing.ended !== undefined && incoming.ended !== undefined, "the end");
  t.like(incoming.ended, { kind: "backend-unreachable" });
  t.is(incoming.status, undefined);
  t.is(outgoing.status, 200);
});

test("states: a user has no more virtual connections than the settings allow, and a place is free again at the end", async (t) => {
  const scene = await play(t, { settings: { connectionsPerUser: 1 } });
  const first = scene.a1();
  const values = { connection: NEXT, channel: NEXT, window: 64 * KB };
  const second = scene.request("out", "CONN/A1", values);
  await until(() => second.ended !== undefined, "the refusal");
  t.like(second.ended, { kind: "too-many-of-user" });
  const others = scene.request("out", "CONN/A1", values, "bob@example.com");
  first.lose();
  const third = scene.request("out", "CONN/A1", values);
  await until(() => third.heard.length === 1 && others.heard.length === 1, "CONN/A3");
  t.pass();
});
