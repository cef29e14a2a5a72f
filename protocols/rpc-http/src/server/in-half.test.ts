import test from "ava";
import { PlayedChannel } from "../proxy/test/channel.ts";
import { rpc } from "../proxy/test/scene.ts";
import { InHalf } from "./in-half.ts";

test("in half: what waits for the backend does not keep the large chunks alive that it came in", (t) => {
  const taken: Buffer[] = [];
  const half = new InHalf(new PlayedChannel("in"), "33".repeat(16), {
    window: 65_536,
    toBackend: (run) => taken.push(run) > 0,
    acknowledge: () => {},
    acknowledged: () => {},
    askForSwitch: () => {},
    outReady: () => {},
    keepAlive: () => {},
    over: () => {},
    left: () => {},
  });
  const sent = [1, 2, 3].map((fill) => rpc(24, fill));
  for (const pdu of sent) half.rpc(Buffer.concat([pdu], 65_536).subarray(0, pdu.length));
  t.is(taken.length, 0);
  half.unplug();
  t.deepEqual(taken, sent);
  t.true(taken.every(({ buffer }) => buffer.byteLength === 24));
});
