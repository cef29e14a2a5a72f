import test from "ava";
import * as fc from "fast-check";
import { Unread } from "./unread.ts";

test("unread bytes: lines and counted bytes come out as they went in, however they are cut", (t) => {
  const piece = fc.oneof(fc.constantFrom("\r\n", "\n", "a", "\r"), fc.string({ maxLength: 40 }));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), fc.array(fc.integer({ min: 1, max: 50 })), (pieces, cuts) => {
      const input = Buffer.from(pieces.join(""), "utf8");
      const unread = new Unread();
      const lines: string[] = [];
      let at = 0;
      for (const cut of [...cuts, input.length]) {
        const chunk = input.subarray(at, at + cut);
        if (chunk.length > 0) unread.push(chunk);
        at += cut;
        for (let line = unread.line(10_000); line !== undefined; line = unread.line(10_000)) lines.push(line);
      }
      const expected = input.toString("latin1").split("\n");
      t.is(unread.all().toString("latin1"), expected.pop() ?? "");
      t.deepEqual(
        lines,
        expected.map((line) => line.replace(/\r$/, "")),
      );
    }),
  );
});

test("unread bytes: what is taken is not changed by what comes later", (t) => {
  const unread = new Unread();
  unread.push(Buffer.from("ab"));
  unread.push(Buffer.from("cd"));
  const bytes = unread.bytes(3);
  const rest = unread.all();
  unread.push(Buffer.from("xx"));
  unread.push(Buffer.from("yyyy"));
  t.is(`${bytes?.toString()} ${rest.toString()} ${unread.all().toString()}`, "abc d xxyyyy");
});

test("unread bytes: a line that is too long is refused, whole or not", (t) => {
  const whole = new Unread();
  whole.push(Buffer.from(`${"a".repeat(9)}\r\n`));
  t.is(whole.line(9), "a".repeat(9));
  whole.push(Buffer.from(`${"a".repeat(11)}\r\n`));
  t.throws(() => whole.line(9), { message: "A line of more than 9 bytes" });
  const open = new Unread();
  open.push(Buffer.from("a".repeat(11)));
  t.throws(() => open.line(9), { message: "A line of more than 9 bytes" });
});

test("unread bytes: a long line in single bytes is copied a few times at most", (t) => {
  const unread = new Unread();
  const original = Buffer.prototype.copy;
  let copied = 0;
  Buffer.prototype.copy = function counted(this: Buffer, ...args: Parameters<typeof original>) {
    const count = original.apply(this, args);
    copied += count;
    return count;
  } as typeof original;
  try {
    for (let index = 0; index < 60_000; index++) {
      unread.push(Buffer.from("a"));
      unread.line(65_536);
    }
  } finally {
    Buffer.prototype.copy = original;
  }
  t.is(unread.length, 60_000);
  t.true(copied < 4 * 60_000, `copied ${copied} bytes`);
});
