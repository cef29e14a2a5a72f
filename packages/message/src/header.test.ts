import test from "ava";
import * as fc from "fast-check";
import { mail } from "../test/chunks.ts";
import { parseHeader } from "./header.ts";

const read = (text: string, name: string): readonly string[] => parseHeader(Buffer.from(text, "latin1")).all(name);

test("a header gives the values of a name in any case, from the top", (t) => {
  const header = parseHeader(Buffer.from("A: 1\r\nb: 2\r\na: 3\r\nAB: 4\r\n"));
  t.deepEqual(header.all("a"), ["1", "3"]);
  t.is(header.first("A"), "1");
  t.is(header.count("a"), 2);
  t.deepEqual(header.all("c"), []);
  t.is(header.first("c"), undefined);
  t.is(header.count("constructor"), 0);
  t.deepEqual([...header.names()], ["a", "b", "ab"]);
});

test("a value is unfolded and trimmed", (t) => {
  t.deepEqual(read("A: \t 1\r\n 2\r\n\t 3 \r\nB: 4\r\n", "a"), ["1 2\t 3"]);
  t.deepEqual(read("A:\r\n\r\n", "a"), [""]);
  t.deepEqual(read("A:1", "a"), ["1"]);
  t.deepEqual(read("A: b: c\r\n", "a"), ["b: c"]);
});

test("a name may have blanks before its colon", (t) => t.deepEqual(read("A \t: 1\r\n", "a"), ["1"]));

test("a value is UTF-8, and Latin-1 where it is not", (t) => {
  const header = parseHeader(
    Buffer.concat([Buffer.from("A: Zürich \ufffd\r\nB: Z"), Buffer.from([0xfc]), Buffer.from("rich\r\n")]),
  );
  t.is(header.first("a"), "Zürich \ufffd");
  t.is(header.first("b"), "Zürich");
});

/** What strangers send: a text, and how many fields it has. */
const AWKWARD: Readonly<Record<string, readonly [string, number]>> = {
  "nothing at all": ["", 0],
  "an empty line": ["\r\n", 0],
  "a line without a colon": ["hello\r\nA: 1\r\n", 1],
  "a colon first": [": 1\r\nA: 1\r\n", 1],
  "a blank and a colon": [" : 1\r\nA: 1\r\n", 1],
  "a folded line with nothing above it": [" A: 1\r\nA: 1\r\n", 1],
  "only colons": [":::::\r\n", 0],
  "a name of 200,000 letters": [`${"n".repeat(200_000)}: 1\r\n`, 1],
  "a value of 200,000 blanks": [`A: ${" ".repeat(200_000)}x\r\n`, 1],
  "a value of 200,000 blanks that ends in one": [`A: x${" ".repeat(200_000)}\r\n`, 1],
  "50,000 folded lines": [`A: 1\r\n${" \r\n".repeat(50_000)}`, 1],
  "50,000 bare LFs": [`A: ${"\n".repeat(50_000)}\r\n`, 1],
  "50,000 bare CRs": [`A: ${"\r".repeat(50_000)}\r\n`, 1],
  NUL: ["A\0: 1\r\nB: \0\r\n", 1],
  "10,000 fields of one name": ["A: 1\r\n".repeat(10_000), 10_000],
  "10,000 names": [Array.from({ length: 10_000 }, (_, at) => `A-${at}: 1\r\n`).join(""), 10_000],
  "a name that objects have": ["__proto__: 1\r\nconstructor: 2\r\n", 2],
};

for (const [title, [text, fields]] of Object.entries(AWKWARD)) {
  test(`a header is read whatever it holds: ${title}`, (t) => {
    const header = parseHeader(Buffer.from(text));
    const counted = [...header.names()].map((name) => header.count(name));
    t.is(
      counted.reduce((sum, count) => sum + count, 0),
      fields,
    );
    for (const name of header.names()) t.is(header.all(name).length, header.count(name));
  });
}

test("a value holds neither CR LF nor blanks at its ends, whatever the bytes are", (t) => {
  fc.assert(
    fc.property(mail("\r\n", " ", "\t", "A: ", ":", "\r", "\n", "\0", "\xff"), (text) => {
      const header = parseHeader(Buffer.from(text, "latin1"));
      for (const name of header.names()) {
        for (const value of header.all(name)) t.true(!value.includes("\r\n") && value === value.trim(), JSON.stringify(value));
      }
    }),
  );
});
