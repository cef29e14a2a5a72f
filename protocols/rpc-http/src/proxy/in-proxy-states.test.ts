import test from "ava";
import { Failure } from "@postern/contracts";
import { rtsPdu } from "../rts/pdus.ts";
import { cookie, GROUP, IN, KB, NEXT, rpc, Scene, VC, type Taken } from "./test/scene.ts";
import type { PlayedLeg } from "./test/server.ts";

const GONE = new Failure("client-gone", "gone");

const A5W = async (scene: Scene): Promise<Bad> => {
  const { channel, leg } = await scene.openedIn();
  const second = scene.nextIn();
  await leg.rts("IN_R2/A2");
  return { all: [channel, second.channel], leg };
};
const B3W = async (scene: Scene): Promise<Bad> => {
  const { channel } = scene.connIn();
  const leg = await scene.server.leg();
  await leg.rts("CONN/B2");
  return { all: [channel], leg };
};
const B2W = async (scene: Scene): Promise<Bad> => {
  const { channel } = scene.nextIn();
  const leg = await scene.server.leg();
  await leg.rts("IN_R1/A2");
  return { all: [channel], leg };
};
const opened = async (scene: Scene): Promise<Bad> => {
  const { channel, leg } = await scene.openedIn();
  return { all: [channel], leg };
};
const finishing = async (scene: Scene): Promise<Bad> => {
  const { channel, leg } = await scene.openedIn(8 * KB);
  channel.say(Buffer.concat([rpc(8000), rpc(1000)]));
  await leg.rpc(8000);
  channel.say(rtsPdu("IN_R1/A5", { successor: NEXT }));
  await leg.rts("IN_R1/A6");
  return { all: [channel], leg };
};

interface Bad {
  readonly all: readonly Taken["channel"][];
  readonly leg: PlayedLeg;
}

const STATES = { B3W, B2W, opened, A5W, finishing } as const;
type StateName = keyof typeof STATES;
const states = Object.keys(STATES) as StateName[];

for (const state of states) {
  test(`in-proxy: in ${state} the loss of the server ends all channels`, async (t) => {
    const { all, leg } = await STATES[state](await Scene.start(t));
    leg.socket.resetAndDestroy();
    for (const channel of all) t.is((await channel.over())?.kind, "backend-lost");
  });
}

for (const state of states.filter((name) => name !== "finishing")) {
  test(`in-proxy: in ${state} the loss of any channel ends the others and leaves the server`, async (t) => {
    const count = state === "A5W" ? 2 : 1;
    for (let which = 0; which < count; which++) {
      const { all, leg } = await STATES[state](await Scene.start(t));
      all[which]?.lose(GONE);
      for (const channel of all) t.is((await channel.over())?.kind, "client-gone");
      await leg.left();
    }
  });
}

const FROM_CLIENT: readonly (readonly [StateName, string, Buffer])[] = [
  ["B3W", "a second CONN/B1", rtsPdu("CONN/B1", { connection: VC, channel: IN, lifetime: 1, keepAlive: 0, group: GROUP })],
  ["B3W", "the last word", rtsPdu("IN_R2/A5", { successor: NEXT })],
  ["B2W", "the last word", rtsPdu("IN_R2/A5", { successor: NEXT })],
  ["opened", "IN_R1/A1", rtsPdu("IN_R1/A1", { connection: VC, predecessor: IN, channel: NEXT })],
  ["opened", "CONN/C2", rtsPdu("CONN/C2", { window: 8 * KB, timeout: 900_000 })],
  ["opened", "an echo", rtsPdu("Echo", {})],
  ["opened", "a PDU for clients", rtsPdu("IN_R2/A3", {})],
  ["opened", "an acknowledgement on its own", rtsPdu("FlowControlAck", { channel: IN, received: 0, available: 0 })],
  ["A5W", "the last word with another cookie", rtsPdu("IN_R2/A5", { successor: cookie("9") })],
  ["finishing", "RPC", rpc(100)],
  ["finishing", "another last word", rtsPdu("IN_R2/A5", { successor: NEXT })],
];

for (const [state, what, pdu] of FROM_CLIENT) {
  test(`in-proxy: in ${state} ${what} from the client ends all of it`, async (t) => {
    const { all, leg } = await STATES[state](await Scene.start(t));
    all[0]?.say(pdu);
    t.is((await all[0]?.over())?.kind, "syntax");
    for (const channel of all) t.true(channel.isOver);
    if (state !== "finishing") await leg.left();
  });
}

const FROM_SERVER: readonly (readonly [StateName, string, Buffer])[] = [
  ["B3W", "IN_R1/B2", rtsPdu("IN_R1/B2", { window: 8 * KB })],
  ["B3W", "RPC", rpc(100)],
  ["B3W", "an answer in HTTP", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")],
  ["B3W", "half a greeting", Buffer.from("ncacn_np")],
  ["B2W", "CONN/B3", rtsPdu("CONN/B3", { window: 8 * KB })],
  ["opened", "a second CONN/B3", rtsPdu("CONN/B3", { window: 8 * KB })],
  ["opened", "RPC", rpc(100)],
  ["opened", "an impossible acknowledgement", rtsPdu("FlowControlAck", { channel: IN, received: 9999, available: 64 * KB })],
  ["opened", "a PDU for the client", rtsPdu("IN_R2/A3", {})],
  ["A5W", "CONN/B3", rtsPdu("CONN/B3", { window: 8 * KB })],
  ["finishing", "IN_R1/B2", rtsPdu("IN_R1/B2", { window: 8 * KB })],
];

for (const [state, what, pdu] of FROM_SERVER) {
  test(`in-proxy: in ${state} ${what} from the server ends all of it`, async (t) => {
    const { all, leg } = await STATES[state](await Scene.start(t));
    leg.say(pdu);
    for (const channel of all) t.is((await channel.over())?.kind, "backend-garbled");
  });
}
