import test from "ava";
import { Failure } from "@postern/contracts";
import { Outlet } from "./outlet.ts";
import { rpc } from "./test/scene.ts";

interface Made {
  readonly outlet: Outlet;
  readonly sent: Buffer[];
  readonly passed: number[];
  readonly from: { passedOn(octets: number): void };
  takes: boolean;
}

function make(): Made {
  const made: Made = {
    outlet: new Outlet((pdus) => {
      made.sent.push(pdus);
      return made.takes;
    }),
    sent: [],
    passed: [],
    from: { passedOn: (octets) => void made.passed.push(octets) },
    takes: true,
  };
  return made;
}

test("outlet: what may go goes at once, as one slice, the same that came", (t) => {
  const { outlet, sent, passed, from } = make();
  outlet.open(65_536);
  const run = Buffer.concat([rpc(100), rpc(200)]);
  outlet.push(run, from);
  t.is(sent[0], run);
  t.deepEqual(passed, [300]);
  t.true(outlet.isEmpty);
});

test("outlet: plugged, all waits; unplugged, it goes in order", (t) => {
  const { outlet, sent, passed, from } = make();
  outlet.push(rpc(100, 1), from);
  outlet.push(rpc(100, 2), from);
  outlet.acknowledged(5, 5);
  t.is(outlet.queued, 200);
  t.deepEqual(passed, []);
  outlet.open(8192);
  t.deepEqual(Buffer.concat(sent), Buffer.concat([rpc(100, 1), rpc(100, 2)]));
});

test("outlet: a run is cut between PDUs, and nothing overtakes what waits", (t) => {
  const { outlet, sent, from } = make();
  outlet.open(8192);
  outlet.push(Buffer.concat([rpc(5000, 1), rpc(3000, 2), rpc(3000, 3)]), from);
  outlet.push(rpc(100, 4), from);
  t.deepEqual(Buffer.concat(sent), Buffer.concat([rpc(5000, 1), rpc(3000, 2)]));
  outlet.acknowledged(8000, 3050);
  t.deepEqual(Buffer.concat(sent.slice(1)), rpc(3000, 3));
  outlet.acknowledged(11_000, 8192);
  t.deepEqual(sent.at(-1), rpc(100, 4));
  t.is(outlet.queued, 0);
});

test("outlet: while the peer takes nothing nothing is sent, and what was sent is passed on when it has drained", (t) => {
  const made = make();
  const { outlet, sent, passed, from } = made;
  outlet.open(65_536);
  made.takes = false;
  outlet.push(rpc(100), from);
  outlet.push(rpc(200), from);
  t.is(sent.length, 1);
  t.false(outlet.isEmpty);
  made.takes = true;
  outlet.drained();
  t.deepEqual(passed, [100, 200]);
  t.true(outlet.isEmpty);
});

test("outlet: a PDU larger than the window, and an impossible acknowledgement, are refused", (t) => {
  const { outlet, from } = make();
  outlet.open(8192);
  t.throws(() => outlet.push(rpc(8193), from), { instanceOf: Failure });
  t.throws(() => outlet.acknowledged(1, 8192), { instanceOf: Failure });
});
