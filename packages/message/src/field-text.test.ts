import test from "ava";
import * as fc from "fast-check";
import { cleanText, fieldBytes } from "./field-text.ts";
import { parseHeader } from "./header.ts";

const linesOf = (bytes: Buffer): string[] => bytes.toString().split("\r\n").slice(0, -1);

test("a field is a name, a colon, a blank, its value and CRLF", (t) => {
  t.is(String(fieldBytes("Subject", "hello")), "Subject: hello\r\n");
  t.is(String(fieldBytes("X", "")), "X: \r\n");
});

test("a field that fits a line is not folded, a longer one is folded before a word", (t) => {
  const fits = "a".repeat(37);
  t.deepEqual(linesOf(fieldBytes("AB", `${fits} ${fits.slice(1)}`)), [`AB: ${fits} ${fits.slice(1)}`]);
  t.deepEqual(linesOf(fieldBytes("AB", `${fits} ${fits}`)), [`AB: ${fits}`, ` ${fits}`]);
  t.deepEqual(linesOf(fieldBytes("AB", `${fits}\t${fits}`)), [`AB: ${fits}`, `\t${fits}`]);
});

test("the first word of a field stays beside its name unless the line would be too long for anybody", (t) => {
  t.deepEqual(linesOf(fieldBytes("AB", `${"a".repeat(900)} b`)), [`AB: ${"a".repeat(900)}`, " b"]);
  t.deepEqual(linesOf(fieldBytes("AB", `${"a".repeat(996)} b`)), ["AB:", ` ${"a".repeat(996)}`, " b"]);
});

test("a word that no line can hold is cut between characters", (t) => {
  const lines = linesOf(fieldBytes("AB", "ü".repeat(1000)));
  t.deepEqual(lines, ["AB:", ` ${"ü".repeat(498)}`, ` ${"ü".repeat(498)}`, ` ${"ü".repeat(4)}`]);
});

test("blanks longer than a line become one, so that no line is blank", (t) => {
  t.deepEqual(linesOf(fieldBytes("AB", `a${" ".repeat(2000)}b`)), ["AB: a b"]);
});

const word = fc.oneof(fc.stringMatching(/^[!-~]{1,60}$/), fc.constantFrom("Zürich", "日本語", "👍", "=?utf-8?q?a?="));
const blanks = fc.constantFrom(" ", "  ", "\t", "   \t ");
const value = fc.array(fc.tuple(blanks, word), { maxLength: 60, size: "max" }).map((pairs) => pairs.flat().join("").trim());

test("a field is read as it was written, in lines that are neither blank nor too long", (t) => {
  fc.assert(
    fc.property(value, (text) => {
      const bytes = fieldBytes("X-Test", text);
      t.is(parseHeader(bytes).first("x-test"), text);
      t.is(parseHeader(bytes).count("x-test"), 1);
      for (const line of linesOf(bytes)) {
        t.true(Buffer.byteLength(line) <= 78 || line.trim().split(/[ \t]/).length <= 2, line);
        t.not(line.trim(), "");
      }
    }),
  );
});

test("a field never ends before its value, and never has a line above 998 bytes, whatever foreign text it holds", (t) => {
  const foreign = fc
    .array(fc.oneof(fc.constantFrom("\r\n", "\n", "\r", "\0", " ", "a".repeat(700), "ü".repeat(300)), fc.string()))
    .map((parts) => parts.join(""));
  fc.assert(
    fc.property(foreign, fc.integer({ min: 0, max: 5000 }), (text, longest) => {
      const clean = cleanText(text, longest);
      t.true(clean.length <= longest);
      const bytes = fieldBytes("X-Test", clean);
      const header = parseHeader(Buffer.concat([bytes, Buffer.from("Next: 1\r\n")]));
      t.deepEqual([...header.names()], ["x-test", "next"]);
      for (const line of linesOf(bytes)) t.true(Buffer.byteLength(line) <= 998);
    }),
  );
});

for (const bad of ["", "A B", "A:", "A\r\n", "Ä", "A\0", "a".repeat(78)]) {
  test(`a field cannot be called ${JSON.stringify(bad)}`, (t) =>
    void t.throws(() => fieldBytes(bad, "x"), { message: /is no name/ }));
}

for (const bad of ["a\r\nB: c", "a\nb", "a\rb", "a\0b", "\n"]) {
  test(`a field cannot hold ${JSON.stringify(bad)}`, (t) => {
    t.throws(() => fieldBytes("A", bad), { message: /holds CR, LF or NUL/ });
  });
}

test("clean text has blanks for control characters and ends of lines, and whole characters", (t) => {
  t.is(cleanText(" a\r\n\tb\0c\x7f\x85\u2028d\u001b[0m "), "a b c d [0m");
  t.is(cleanText("a👍", 2), "a\ufffd");
  t.is(cleanText("abc", 2), "ab");
});
