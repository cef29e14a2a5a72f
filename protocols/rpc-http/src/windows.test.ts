import test from "ava";
import * as fc from "fast-check";
import { Failure } from "@postern/contracts";
import { ReceiveWindow, SendWindow } from "./windows.ts";

test("receiving: an acknowledgement is due when less than half of the window is left", (t) => {
  const window = new ReceiveWindow(65_536);
  window.arrived(30_000);
  t.is(window.freed(30_000), undefined);
  window.arrived(4000);
  t.deepEqual(window.freed(4000), { received: 34_000, available: 65_536 });
  t.is(window.queued, 0);
});

test("receiving: while much waits, an acknowledgement is due when it gives half of the window anew", (t) => {
  const window = new ReceiveWindow(65_536);
  window.arrived(60_000);
  t.is(window.freed(10_000), undefined);
  t.is(window.freed(20_000), undefined);
  t.deepEqual(window.freed(5000), { received: 60_000, available: 40_536 });
});

test("receiving: what is beyond the window is refused, to the octet", (t) => {
  const window = new ReceiveWindow(8192);
  window.arrived(8192);
  t.throws(() => window.arrived(1), { instanceOf: Failure, message: /1 octets in a window that has room for 0/ });
});

test("receiving: room for a usual fragment is told even of the smallest window", (t) => {
  const window = new ReceiveWindow(8192);
  window.arrived(3000);
  t.deepEqual(window.freed(3000), { received: 3000, available: 8192 });
});

test("sending: an acknowledgement that cannot be true is refused", (t) => {
  const window = new SendWindow(65_536);
  window.sent(10_000);
  t.throws(() => window.acknowledged(10_001, 65_536), { instanceOf: Failure });
  t.throws(() => window.acknowledged(10_000, 65_537), { instanceOf: Failure });
  t.throws(() => window.acknowledged(0, 9999), { instanceOf: Failure });
  t.is(window.room, 55_536);
  window.acknowledged(4000, 50_000);
  t.is(window.room, 44_000);
});

test("sending more than there is room for is a defect", (t) => {
  t.throws(() => new SendWindow(8192).sent(8193), { instanceOf: Error });
});

test("both ends agree over any traffic, beyond 4 GiB too, and the sender never waits for ever", (t) => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 16, max: 5840 }), fc.double({ min: 0, max: 1, noNaN: true })), {
    minLength: 1,
    maxLength: 200,
  });
  fc.assert(
    fc.property(fc.integer({ min: 8192, max: 262_144 }), steps, (size, all) => {
      const receiver = new ReceiveWindow(size);
      const sender = new SendWindow(size);
      const free = (octets: number): void => {
        const due = receiver.freed(octets);
        if (due !== undefined) sender.acknowledged(due.received, due.available);
      };
      for (const [octets, share] of all) {
        if (octets > sender.room && receiver.queued > 0) free(receiver.queued);
        t.true(octets <= sender.room);
        sender.sent(octets);
        receiver.arrived(octets);
        free(Math.floor(receiver.queued * share));
      }
    }),
  );
  const receiver = new ReceiveWindow(262_144);
  const sender = new SendWindow(262_144);
  for (let sent = 0; sent < 2 ** 33; sent += 262_144) {
    sender.sent(262_144);
    receiver.arrived(262_144);
    const due = receiver.freed(262_144);
    if (due !== undefined) sender.acknowledged(due.received, due.available);
  }
  t.is(sender.room, 262_144);
});
