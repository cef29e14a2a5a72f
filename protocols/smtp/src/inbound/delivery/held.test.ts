import test from "ava";
import { array, assert, integer, property } from "fast-check";
import { Held } from "./held.ts";

test("held: gives back what it was given, in order", (t) => {
  const sizes = array(integer({ min: 0, max: 5000 }), { maxLength: 50 });
  const holds = property(sizes, (sizes) => {
    const held = new Held(1_000_000);
    const pieces = sizes.map((size, index) => Buffer.alloc(size, index + 1));
    for (const piece of pieces) held.push(piece);
    return Buffer.concat([...(held.chunks ?? [])]).equals(Buffer.concat(pieces));
  });
  t.notThrows(() => assert(holds, { numRuns: 300 }));
});

test("held: what is over the limit is not kept, and nothing is from then on", (t) => {
  const held = new Held(10);
  held.push(Buffer.alloc(10));
  t.is(held.chunks?.length, 1);
  held.push(Buffer.alloc(1));
  t.is(held.chunks, undefined);
  held.push(Buffer.alloc(1));
  t.is(held.chunks, undefined);
});

test("held: single bytes are not kept one by one", (t) => {
  const held = new Held(256 * 1024);
  for (let count = 0; count < 100_000; count++) held.push(Buffer.from("x"));
  t.is(Buffer.concat([...(held.chunks ?? [])]).length, 100_000);
  t.true((held.chunks?.length ?? 0) < 10);
});

test("held: where nothing may be kept, what was empty so far still is everything", (t) => {
  const held = new Held(0);
  t.deepEqual(held.chunks, []);
  held.push(Buffer.from("x"));
  t.is(held.chunks, undefined);
});
