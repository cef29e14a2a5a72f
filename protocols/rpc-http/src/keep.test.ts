import type { Socket } from "node:net";
import test from "ava";
import type { Lending } from "@postern/contracts";
import { toKeep, Writes } from "./keep.ts";

const CHUNK = 65_536;

test("keep: what waits does not keep a large chunk alive for a few octets, nor a part of what others share", (t) => {
  const chunk = Buffer.alloc(CHUNK, 1);
  for (const few of [chunk.subarray(0, 16), Buffer.from(chunk.subarray(0, 16))]) {
    t.is(toKeep(few).buffer.byteLength, 16);
    t.deepEqual(toKeep(few), few);
  }
  const most = chunk.subarray(0, 60_000);
  t.is(toKeep(most), most);
});

test("keep: behind what the system has not taken few octets are written as a copy, and their chunk is given back", (t) => {
  const written: Buffer[] = [];
  const done: (() => void)[] = [];
  const socket = {
    writableLength: 0,
    write(run: Buffer, callback?: () => void) {
      written.push(run);
      if (callback !== undefined) done.push(callback);
      return true;
    },
  };
  const writes = new Writes(socket as unknown as Socket);
  const lent: Lending = { buffer: Buffer.allocUnsafeSlow(CHUNK), spare: [], users: 3 };
  writes.run(lent.buffer.subarray(0, 16), lent);
  socket.writableLength = 16;
  writes.run(lent.buffer.subarray(16, 32), lent);
  t.is(lent.users, 2);
  writes.run(lent.buffer.subarray(32), lent);
  t.deepEqual(
    written.map(({ buffer }) => buffer.byteLength),
    [CHUNK, 16, CHUNK],
  );
  for (const each of done) each();
  t.deepEqual([lent.users, lent.spare.length], [0, 1]);
});
