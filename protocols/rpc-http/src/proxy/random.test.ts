// Any PDUs in any order, from clients and servers: nothing breaks but the virtual connection, and nothing stays behind.

import test from "ava";
import { array, assert, asyncProperty, constantFrom, integer, nat, oneof, record } from "fast-check";
import { Failure } from "@postern/contracts";
import { RTS_PDUS, rtsPdu, type RtsName } from "../rts/pdus.ts";
import type { PlayedChannel } from "./test/channel.ts";
import { IN, KB, NEXT, OUT, rpc, Scene, VC } from "./test/scene.ts";

const VALUES = {
  connection: VC,
  window: 8 * KB,
  timeout: 120_000,
  lifetime: 128 * KB,
  keepAlive: 60_000,
  group: VC,
  client: "192.0.2.1",
  octets: 20,
};
const names = Object.keys(RTS_PDUS) as RtsName[];
const cookies = constantFrom(IN, OUT, NEXT);
const pdus = oneof(
  record({
    name: constantFrom(...names),
    channel: cookies,
    successor: cookies,
    predecessor: cookies,
    destination: constantFrom("client", "in-proxy", "server", "out-proxy"),
    received: constantFrom(0, 24, 1000),
    available: constantFrom(0, 8 * KB, 64 * KB),
  }).map(({ name, ...values }) => rtsPdu(name, { ...VALUES, ...values })),
  integer({ min: 24, max: 5000 }).map((octets) => rpc(octets)),
);
const steps = array(
  record({ who: constantFrom("in", "out", "in server", "out server", "successors", "drain", "lose"), pdu: pdus, which: nat(3) }),
  { minLength: 1, maxLength: 30 },
);
/** A successor may still have to be taken to the server when that has stopped; and the server may say no to it. */
const EXPECTED = new Set([
  "syntax",
  "backend-garbled",
  "backend-lost",
  "backend-unreachable",
  "backend-unavailable",
  "client-gone",
]);

test("proxy: whatever comes in whatever order ends in words, and leaves nothing behind", async (t) => {
  await assert(
    asyncProperty(steps, async (walk) => {
      const scene = await Scene.start(t);
      const channels: PlayedChannel[] = [];
      const [incoming, outgoing] = [await scene.openedIn(), await scene.openedOut()];
      channels.push(incoming.channel, outgoing.channel);
      const settled = [incoming.settled, outgoing.settled];
      for (const { who, pdu, which } of walk) {
        const channel = channels[which % channels.length];
        if (who === "in server") incoming.leg.say(pdu);
        else if (who === "out server") outgoing.leg.say(pdu);
        else if (who === "drain") channel?.drain();
        else if (who === "lose") channel?.lose(new Failure("client-gone", "gone"));
        else if (who === "successors") {
          const taken = which % 2 === 0 ? scene.nextIn() : scene.nextOut();
          channels.push(taken.channel);
          settled.push(taken.settled);
        } else channel?.say(pdu);
        await new Promise((resolve) => setImmediate(resolve));
      }
      scene.server.stop();
      await scene.clock.advance(3 * 60_000);
      for (const channel of channels) {
        const failure: Failure | undefined = await channel.over();
        if (failure !== undefined && !EXPECTED.has(failure.kind)) throw new Error(`${failure.kind}: ${failure.stack}`);
      }
      await Promise.all(settled);
      await scene.clock.advance(10_000);
      if (scene.clock.pending > 0) throw new Error(`${scene.clock.pending} timers are left`);
    }),
    { numRuns: 150 },
  );
  t.pass();
});
