// What is kept comes back as it was, from memory and from the file.

import { tmpdir } from "node:os";
import test from "ava";
import * as fc from "fast-check";
import { Held } from "./held.ts";

async function replayed(held: Held): Promise<Buffer> {
  const chunks: Buffer[] = [];
  await held.replay((chunk) => void chunks.push(Buffer.from(chunk)));
  await held.discard();
  return Buffer.concat(chunks);
}

test("held: however large the pieces and the memory, all bytes come back in order", async (t) => {
  const sizes = fc.array(fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: 40_000 })), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(sizes, fc.constantFrom(0, 10, 16_384, 100_000), async (lengths, maxMemory) => {
      const held = new Held(maxMemory, tmpdir());
      const chunks = lengths.map((length, index) => Buffer.alloc(length, index + 1));
      for (const chunk of chunks) await held.write(chunk);
      t.true(Buffer.concat(chunks).equals(await replayed(held)));
    }),
    { numRuns: 100 },
  );
});

test("held: nothing comes back of what was discarded, whenever that was", async (t) => {
  const held = new Held(10, tmpdir());
  const writing = held.write(Buffer.alloc(100));
  await held.discard();
  await t.throwsAsync(Promise.resolve(writing), { message: "The message is not wanted any more" });
  await held.write(Buffer.alloc(5));
  t.is((await replayed(held)).length, 0);
});
