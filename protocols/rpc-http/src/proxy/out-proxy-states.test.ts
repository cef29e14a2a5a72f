import test from "ava";
import { Failure } from "@postern/contracts";
import { rtsPdu } from "../rts/pdus.ts";
import { GROUP, IN, KB, NEXT, OUT, rpc, Scene, VC, type Taken } from "./test/scene.ts";
import type { PlayedLeg } from "./test/server.ts";

const GONE = new Failure("client-gone", "gone");

const ANCE = rtsPdu("OUT_R2/B1", {});
const A11 = rtsPdu("OUT_R1/A11", {});
const C1 = rtsPdu("OUT_R2/C1", {});
const IMPOSSIBLE = rtsPdu("FlowControlAckWithDestination", {
  destination: "out-proxy",
  channel: OUT,
  received: 1,
  available: 64 * KB,
});

interface Bad {
  readonly all: readonly Taken["channel"][];
  readonly leg: PlayedLeg;
}

const C1W = async (scene: Scene): Promise<Bad> => {
  const { channel } = scene.connOut();
  const leg = await scene.server.leg();
  await leg.rts("CONN/A2");
  await channel.rts("CONN/A3");
  return { all: [channel], leg };
};
const A11W = async (scene: Scene): Promise<Bad> => {
  const { channel } = scene.nextOut();
  const leg = await scene.server.leg();
  await leg.rts("OUT_R1/A4");
  return { all: [channel], leg };
};
const opened = async (scene: Scene): Promise<Bad> => {
  const { channel, leg } = await scene.openedOut();
  return { all: [channel], leg };
};
const B1OrC1W = async (scene: Scene): Promise<Bad> => {
  const { first, second, leg } = await scene.succeededOut();
  return { all: [first.channel, second.channel], leg };
};
const B1W = async (scene: Scene): Promise<Bad> => {
  const { all, leg } = await B1OrC1W(scene);
  all[1]?.say(C1);
  return { all, leg };
};
const R2C1W = async (scene: Scene): Promise<Bad> => {
  const { all, leg } = await B1OrC1W(scene);
  leg.say(ANCE);
  await all[0]?.rts("OUT_R2/B3");
  return { all: all.slice(1), leg };
};
const flushing = async (scene: Scene): Promise<Bad> => {
  const { all, leg } = await B1OrC1W(scene);
  const [first, second] = all;
  if (first !== undefined) first.isFull = true;
  leg.say(rpc(100), ANCE, rtsPdu("IN_R2/A3", {}));
  await first?.rpc(100);
  await second?.rts("IN_R2/A4");
  return { all, leg };
};
const finishing = async (scene: Scene): Promise<Bad> => {
  const { channel, leg } = await scene.openedOut();
  channel.isFull = true;
  leg.say(rpc(100), ANCE);
  await channel.rpc(100);
  return { all: [channel], leg };
};

const STATES = { C1W, A11W, opened, B1OrC1W, B1W, R2C1W, flushing, finishing } as const;
type StateName = keyof typeof STATES;

for (const state of Object.keys(STATES) as StateName[]) {
  test(`out-proxy: in ${state} the loss of the server ends all channels`, async (t) => {
    const { all, leg } = await STATES[state](await Scene.start(t));
    leg.socket.resetAndDestroy();
    for (const channel of all) t.is((await channel.over())?.kind, "backend-lost");
  });

  test(`out-proxy: in ${state} the loss of any channel ends the others and leaves the server`, async (t) => {
    const { all } = await STATES[state](await Scene.start(t));
    for (let which = 0; which < all.length; which++) {
      const { all: channels, leg } = await STATES[state](await Scene.start(t));
      channels[which]?.lose(GONE);
      for (const channel of channels) t.is((await channel.over())?.kind, "client-gone");
      await leg.left();
    }
  });
}

const FROM_CLIENT: readonly (readonly [StateName, number, string, Buffer])[] = [
  ["C1W", 0, "RPC", rpc(100)],
  ["C1W", 0, "OUT_R2/C1", C1],
  ["A11W", 0, "OUT_R2/C1", C1],
  ["opened", 0, "a ping", rtsPdu("Ping", {})],
  ["opened", 0, "OUT_R1/A11", A11],
  ["opened", 0, "a second CONN/A1", rtsPdu("CONN/A1", { connection: VC, channel: OUT, window: 8 * KB })],
  ["B1OrC1W", 0, "OUT_R2/C1 on the old channel", C1],
  ["B1OrC1W", 1, "OUT_R1/A11", A11],
  ["B1OrC1W", 1, "RPC", rpc(100)],
  ["B1W", 1, "a second OUT_R2/C1", C1],
  ["R2C1W", 0, "OUT_R1/A11", A11],
  ["finishing", 0, "OUT_R1/A11", A11],
];

for (const [state, which, what, pdu] of FROM_CLIENT) {
  test(`out-proxy: in ${state} ${what} from the client ends all of it`, async (t) => {
    const { all, leg } = await STATES[state](await Scene.start(t));
    all[which]?.say(pdu);
    for (const channel of all) t.is((await channel.over())?.kind, "syntax");
    await leg.left();
  });
}

const FROM_SERVER: readonly (readonly [StateName, string, Buffer])[] = [
  ["C1W", "RPC", rpc(100)],
  ["C1W", "OUT_R2/B1", ANCE],
  ["C1W", "OUT_R1/A1", rtsPdu("OUT_R1/A1", {})],
  ["C1W", "CONN/B3", rtsPdu("CONN/B3", { window: 8 * KB })],
  ["A11W", "OUT_R2/B1", ANCE],
  ["A11W", "CONN/C1", rtsPdu("CONN/C1", { window: 8 * KB, timeout: 120_000 })],
  ["opened", "a second CONN/C1", rtsPdu("CONN/C1", { window: 8 * KB, timeout: 120_000 })],
  ["opened", "OUT_R2/B2", rtsPdu("OUT_R2/B2", {})],
  ["opened", "an impossible acknowledgement", IMPOSSIBLE],
  ["opened", "an acknowledgement on its own", rtsPdu("FlowControlAck", { channel: OUT, received: 0, available: 0 })],
  [
    "opened",
    "an RTS PDU for the inbound proxy",
    rtsPdu("FlowControlAckWithDestination", { destination: "in-proxy", channel: IN, received: 0, available: 0 }),
  ],
  ["opened", "OUT_R1/A8", rtsPdu("OUT_R1/A8", { successor: NEXT })],
  ["opened", "an answer in HTTP", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")],
  ["opened", "CONN/B1", rtsPdu("CONN/B1", { connection: VC, channel: IN, lifetime: 1, keepAlive: 0, group: GROUP })],
  ["B1OrC1W", "OUT_R2/A1", rtsPdu("OUT_R2/A1", {})],
  ["B1W", "OUT_R1/A5", rtsPdu("OUT_R1/A5", { timeout: 120_000 })],
  ["R2C1W", "a second OUT_R2/B1", ANCE],
  ["flushing", "a second OUT_R2/B1", ANCE],
  ["finishing", "RPC", rpc(100)],
  ["finishing", "OUT_R2/A1", rtsPdu("OUT_R2/A1", {})],
];

for (const [state, what, pdu] of FROM_SERVER) {
  test(`out-proxy: in ${state} ${what} from the server ends all of it`, async (t) => {
    const { all, leg } = await STATES[state](await Scene.start(t));
    leg.say(pdu);
    for (const channel of all) t.is((await channel.over())?.kind, "backend-garbled");
  });
}
