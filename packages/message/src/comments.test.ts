import test from "ava";
import { withoutComments } from "./comments.ts";

/** A text, and what is left of it. */
const TEXTS: readonly (readonly [string, string | undefined])[] = [
  ["", ""],
  ["a b", "a b"],
  ["a(b)c", "a c"],
  ["(a)(b)", "  "],
  ["a (b (c) d) e", "a   e"],
  ["a (b \\) c) d", "a   d"],
  ["a (b \\( c) d", "a   d"],
  ['a (b " c) d', "a   d"],
  ['"a (b) c"', '"a (b) c"'],
  ['"a \\" (b" (c)', '"a \\" (b"  '],
  ["a ) b (c)", "a ) b  "],
  ["a \\(b) c", "a \\  c"],
  ['a \\"b (c)" d', 'a \\"b (c)" d'],
  ["a (b", undefined],
  ["a ((b)", undefined],
  ["a (b\\)", undefined],
  ['a "b', undefined],
  ['a "b\\"', undefined],
];

for (const [text, left] of TEXTS) {
  test(`without comments, ${JSON.stringify(text)} is ${JSON.stringify(left) ?? "not closed"}`, (t) =>
    t.is(withoutComments(text), left));
}

test("a comment may be nested 100,000 times", (t) => {
  const depth = 100_000;
  t.is(withoutComments(`a${"(".repeat(depth)}${")".repeat(depth)}`), "a ");
});
