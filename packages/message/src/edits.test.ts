import type { HeaderEdit } from "@postern/contracts";
import test from "ava";
import * as fc from "fast-check";
import { applyEdits } from "./edits.ts";
import { parseHeader } from "./header.ts";

const CAME = "A: 1\r\nB :  2 \r\nA: 3\r\n folded\r\nC: 4\r\n";

/** Edits, and what they make of CAME. */
const EDITS: Readonly<Record<string, readonly [readonly HeaderEdit[], string]>> = {
  "nothing is changed without edits": [[], CAME],
  "prepend goes to the top": [[{ do: "prepend", name: "X", value: "x" }], `X: x\r\n${CAME}`],
  "the last prepend stands on top": [
    [
      { do: "prepend", name: "X", value: "x" },
      { do: "prepend", name: "Y", value: "y" },
    ],
    `Y: y\r\nX: x\r\n${CAME}`,
  ],
  "append goes to the end, the last one last": [
    [
      { do: "append", name: "X", value: "x" },
      { do: "append", name: "Y", value: "y" },
    ],
    `${CAME}X: x\r\nY: y\r\n`,
  ],
  "remove takes all fields of a name in any case, with their folded lines": [
    [{ do: "remove", name: "a" }],
    "B :  2 \r\nC: 4\r\n",
  ],
  "remove takes the nth field alone": [[{ do: "remove", name: "A", nth: 2 }], "A: 1\r\nB :  2 \r\nC: 4\r\n"],
  "remove takes a field with a blank before its colon": [[{ do: "remove", name: "b" }], "A: 1\r\nA: 3\r\n folded\r\nC: 4\r\n"],
  "numbers count the fields that came": [
    [
      { do: "prepend", name: "A", value: "0" },
      { do: "remove", name: "A", nth: 1 },
      { do: "remove", name: "A", nth: 2 },
    ],
    "A: 0\r\nB :  2 \r\nC: 4\r\n",
  ],
  "remove without a number takes what was added before it, and leaves what comes after it": [
    [
      { do: "prepend", name: "A", value: "0" },
      { do: "append", name: "a", value: "5" },
      { do: "remove", name: "A" },
      { do: "append", name: "A", value: "6" },
    ],
    "B :  2 \r\nC: 4\r\nA: 6\r\n",
  ],
  "replace writes a field in the place of another": [
    [{ do: "replace", name: "a", nth: 2, value: "x" }],
    "A: 1\r\nB :  2 \r\na: x\r\nC: 4\r\n",
  ],
  "the last replace counts": [
    [
      { do: "replace", name: "C", nth: 1, value: "x" },
      { do: "replace", name: "C", nth: 1, value: "y" },
    ],
    "A: 1\r\nB :  2 \r\nA: 3\r\n folded\r\nC: y\r\n",
  ],
  "replace adds a field that never came": [[{ do: "replace", name: "D", nth: 1, value: "x" }], `${CAME}D: x\r\n`],
  "remove of what never came changes nothing": [
    [
      { do: "remove", name: "D" },
      { do: "remove", name: "A", nth: 3 },
      { do: "remove", name: "A", nth: 0 },
      { do: "remove", name: "" },
    ],
    CAME,
  ],
};

for (const [title, [edits, expected]] of Object.entries(EDITS)) {
  test(`edits of a header: ${title}`, (t) => t.is(String(applyEdits(parseHeader(Buffer.from(CAME)), edits)), expected));
}

test("edits of a header give back the very same bytes when there are none", (t) => {
  const header = parseHeader(Buffer.from(CAME));
  t.is(applyEdits(header, []), header.bytes);
});

test("edits of a header take any header of the contract", (t) => {
  const header = { bytes: Buffer.from(CAME), all: () => [], first: () => undefined, count: () => 0 };
  t.is(String(applyEdits(header, [{ do: "remove", name: "A" }])), "B :  2 \r\nC: 4\r\n");
});

test("edits of a header without an end of line at its end neither glue fields together nor leave an empty line", (t) => {
  const header = parseHeader(Buffer.from("A: 1\r\nB: 2"));
  t.is(String(applyEdits(header, [{ do: "append", name: "C", value: "3" }])), "A: 1\r\nB: 2\r\nC: 3\r\n");
  t.is(String(applyEdits(header, [{ do: "remove", name: "B" }])), "A: 1\r\n");
});

test("edits of a header refuse text that would end a field", (t) => {
  const header = parseHeader(Buffer.from(CAME));
  t.throws(() => applyEdits(header, [{ do: "prepend", name: "X", value: "a\r\nB: c" }]));
});

test("edits of a header leave every other field's bytes as they came", (t) => {
  const names = fc.constantFrom("A", "a", "B", "C", "X-Long");
  const field = fc.tuple(names, fc.stringMatching(/^ {0,2}[!-~ ]{0,20}$/), fc.constantFrom("", "\r\n folded", "\r\n\t"));
  const edit: fc.Arbitrary<HeaderEdit> = fc.oneof(
    fc.record({ do: fc.constant("remove" as const), name: names, nth: fc.integer({ min: 1, max: 4 }) }),
    fc.record({
      do: fc.constant("replace" as const),
      name: names,
      nth: fc.integer({ min: 1, max: 4 }),
      value: fc.constant("new"),
    }),
  );
  fc.assert(
    fc.property(fc.array(field), fc.array(edit, { maxLength: 6 }), (fields, edits) => {
      const lines = fields.map(([name, value, fold]) => `${name}:${value}${fold}\r\n`);
      const seen = new Map<string, number>();
      const expected = lines.flatMap((line, at) => {
        const name = fields[at]?.[0] ?? "";
        const nth = (seen.get(name.toLowerCase()) ?? 0) + 1;
        seen.set(name.toLowerCase(), nth);
        const last = edits.findLast(
          (each) => each.name.toLowerCase() === name.toLowerCase() && "nth" in each && each.nth === nth,
        );
        if (last === undefined) return [line];
        return last.do === "replace" ? [`${last.name}: new\r\n`] : [];
      });
      const added = edits
        .filter((each) => each.do === "replace" && each.nth > (seen.get(each.name.toLowerCase()) ?? 0))
        .map(({ name }) => `${name}: new\r\n`);
      t.is(String(applyEdits(parseHeader(Buffer.from(lines.join(""))), edits)), [...expected, ...added].join(""));
    }),
  );
});

test("edits of a header take 10,000 removals by number and 10,000 by name", (t) => {
  const names = Array.from({ length: 10_000 }, (_, at) => `X-${at}`);
  const header = parseHeader(Buffer.from(names.map((name) => `${name}: 1\r\nSame: 2\r\n`).join("")));
  const edits = names.flatMap((name, at): HeaderEdit[] => [
    { do: "remove", name },
    { do: "remove", name: "Same", nth: at + 1 },
  ]);
  t.is(applyEdits(header, edits).length, 0);
});
