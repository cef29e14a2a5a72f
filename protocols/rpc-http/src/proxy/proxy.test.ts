import test from "ava";
import { Failure } from "@postern/contracts";
import { rtsPdu } from "../rts/pdus.ts";
import { IN, KB, NEXT, OUT, rpc, Scene } from "./test/scene.ts";

const MINUTE = 60_000;
const settings = { connectionTimeout: 2 * MINUTE, joinTimeout: 30_000 };

test("proxy: what one half loses the other half loses too", async (t) => {
  for (const lost of ["in", "out"] as const) {
    const scene = await Scene.start(t);
    const [incoming, outgoing] = [await scene.openedIn(), await scene.openedOut()];
    (lost === "in" ? incoming : outgoing).channel.lose(new Failure("client-gone", "gone"));
    for (const { channel, leg } of [incoming, outgoing]) {
      t.is((await channel.over())?.kind, "client-gone");
      await leg.left();
    }
  }
});

test("proxy: a half that has done its work leaves the other one alone", async (t) => {
  const scene = await Scene.start(t);
  const [incoming, outgoing] = [await scene.openedIn(), await scene.openedOut()];
  incoming.channel.say(rtsPdu("IN_R1/A5", { successor: NEXT }));
  await incoming.settled;
  outgoing.leg.say(rpc(100));
  await outgoing.channel.rpc(100);
  t.false(outgoing.channel.isOver);
});

test("proxy: the client is pinged when nothing went out to it for half of the time-out, and the server hears of many pings", async (t) => {
  const scene = await Scene.start(t, settings);
  const { channel, leg } = await scene.openedOut();
  for (let pings = 0; pings < 52; pings++) {
    await scene.clock.advance(MINUTE + 5000);
    await channel.rts("Ping");
  }
  t.is(channel.unheard, 0);
  t.deepEqual(await leg.rts("PingTrafficSentNotify"), { octets: 1040 });
  t.false(channel.isOver);
});

test("proxy: nobody is pinged while something flows", async (t) => {
  const scene = await Scene.start(t, settings);
  const [incoming, outgoing] = [await scene.openedIn(), await scene.openedOut()];
  for (let round = 0; round < 5; round++) {
    await scene.clock.advance(MINUTE / 2);
    incoming.channel.say(rpc(100, round));
    outgoing.leg.say(rpc(100, round));
    t.deepEqual(await incoming.leg.rpc(100), rpc(100, round));
    t.deepEqual(await outgoing.channel.rpc(100), rpc(100, round));
  }
});

test("proxy: the server is pinged on an IN channel, and a client that says nothing for twice the time-out is cut", async (t) => {
  const scene = await Scene.start(t, settings);
  const { channel, leg } = await scene.openedIn();
  await scene.clock.advance(MINUTE + 5000);
  await leg.rts("Ping");
  channel.say(rtsPdu("Ping", {}));
  await scene.clock.advance(4 * MINUTE - 10_000);
  t.false(channel.isOver);
  await scene.clock.advance(20_000);
  t.is((await channel.over())?.kind, "idle");
});

test("proxy: whoever waits for the other side does so for the time to join, and no longer", async (t) => {
  const scene = await Scene.start(t, settings);
  const waiting = {
    B3W: async () => {
      const { channel } = scene.connIn();
      await (await scene.server.leg()).rts("CONN/B2");
      return channel;
    },
    C1W: async () => {
      const { channel } = scene.connOut();
      await (await scene.server.leg()).rts("CONN/A2");
      return channel;
    },
    B2W: async () => {
      const { channel } = scene.nextIn();
      await (await scene.server.leg()).rts("IN_R1/A2");
      return channel;
    },
    A11W: async () => {
      const { channel } = scene.nextOut();
      await (await scene.server.leg()).rts("OUT_R1/A4");
      return channel;
    },
    A5W: async () => {
      const { leg } = await scene.openedIn();
      const { channel } = scene.nextIn();
      await leg.rts("IN_R2/A2");
      return channel;
    },
    B1OrC1W: async () => {
      const { leg } = await scene.openedOut();
      const { channel } = scene.nextOut();
      await leg.rts("OUT_R2/A4");
      return channel;
    },
  };
  for (const [state, begin] of Object.entries(waiting)) {
    const channel = await begin();
    await scene.clock.advance(20_000);
    t.false(channel.isOver, state);
    await scene.clock.advance(20_000);
    t.is((await channel.over())?.kind, "idle", state);
  }
});

test("proxy: nothing is looked at when nobody is here", async (t) => {
  const scene = await Scene.start(t, settings);
  const { channel, leg } = await scene.openedIn();
  channel.lose(new Failure("client-gone", "gone"));
  await leg.left();
  leg.socket.end();
  await scene.clock.advance(MINUTE);
  t.is(scene.clock.pending, 0);
});

test("proxy: both halves go to one server, even from different nodes with different views of health", async (t) => {
  const scene = await Scene.start(t);
  const [leg] = scene.legs;
  if (leg === undefined) return t.fail();
  await scene.openedIn();
  scene.legs = [{ ...leg, backend: "mbx2" }, leg];
  const { channel } = scene.take(
    { kind: "conn-a1", connection: "1".repeat(32), channel: OUT, window: 64 * KB },
    undefined,
    scene.another(),
  );
  // The other one was reached first, and is left without a word.
  const legs = [await scene.server.leg(), await scene.server.leg()];
  await legs[0]?.left();
  await legs[1]?.rts("CONN/A2");
  t.is(channel.session.backend, "mbx1");
});

test("proxy: a backend may have any name", async (t) => {
  const scene = await Scene.start(t);
  scene.legs = scene.legs.map((leg) => ({ ...leg, backend: 'mailbox "1" in Zürich' }));
  await scene.openedIn();
  const { channel } = await scene.openedOut();
  t.is(channel.session.backend, 'mailbox "1" in Zürich');
});

test("proxy: at another node a virtual connection is refused to another user, and to another server", async (t) => {
  const scene = await Scene.start(t);
  await scene.openedIn();
  const other = scene.another();
  const forged = scene.nextIn({ user: "eve@example.com", kind: other });
  t.is((await forged.channel.over())?.kind, "not-authorized");
  await (await scene.server.leg()).left();
  scene.legs = scene.legs.map((leg) => ({ ...leg, backend: "mbx2" }));
  const misled = scene.nextIn({ kind: other });
  t.is((await misled.channel.over())?.kind, "route-refused");
  await (await scene.server.leg()).left();
});

test("proxy: where nodes share nothing, the halves in one process still meet", async (t) => {
  const scene = await Scene.start(t);
  const [leg] = scene.legs;
  if (leg === undefined) return t.fail();
  await scene.openedIn();
  scene.notes.clear();
  scene.legs = [{ ...leg, backend: "mbx2" }, leg];
  const { channel } = await scene.openedOut();
  t.is(channel.session.backend, "mbx1");
});

test("proxy: what nodes share names neither cookie nor user", async (t) => {
  const scene = await Scene.start(t);
  await scene.openedIn();
  const shared = JSON.stringify([...scene.notes]);
  t.regex(shared, /mbx1/);
  t.notRegex(shared, /alice|1{32}|3{32}/);
  t.is(scene.notes.size, 1);
  t.false(scene.logger.text().includes(IN));
});
