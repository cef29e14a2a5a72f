import test from "ava";
import { parseTranscript } from "./index.ts";
import type { Step } from "./index.ts";

const parse = (...lines: string[]): Step[] => [...parseTranscript(lines.join("\n"), "x.txt").steps];

test("transcript: client lines in a row are one write, and other lines stand alone", (t) => {
  const steps = parse("# a comment", "C: one", "", "C: two", "C+: three", "S: four", "C: five");
  t.deepEqual(
    steps.map((step) => [step.line, step.kind === "mark" ? "" : step.data.toString()]),
    [
      [2, "one\r\ntwo\r\nthree"],
      [6, "four"],
      [7, "five\r\n"],
    ],
  );
});

test("transcript: escapes and UTF-8 become bytes", (t) => {
  const [step] = parse("C+: \\x00a\\xff\\\\é\\t");
  t.deepEqual(step?.kind === "say" && [...step.data], [0, 97, 255, 92, 0xc3, 0xa9, 9]);
});

test("transcript: a star at the end of an expected line is open, an escaped one is a star", (t) => {
  const ends = parse("S: * OK *", "S: LIST \\*", "S: \\\\*", "S+: a*", "S: *").map(
    (step) => step.kind === "hear" && [step.data.toString(), step.openEnd],
  );
  t.deepEqual(ends, [
    ["* OK ", true],
    ["LIST *", false],
    ["\\", true],
    ["a*", false],
    ["", true],
  ]);
});

test("transcript: an empty line of the dialogue is a letter and a colon", (t) => {
  t.deepEqual(parse("C:", "C: "), [{ kind: "say", who: "C", line: 1, data: Buffer.from("\r\n\r\n") }]);
});

test("transcript: markers are told from text", (t) => {
  t.deepEqual(
    parse("C: <tls>", "S: <closed>", "C: say <tls>").map((step) => step.kind),
    ["mark", "mark", "say"],
  );
});

test("transcript: directives are tables by name, and lines of one name add up", (t) => {
  const { directives } = parseTranscript(
    '@tls\n@backend tls=none proxyHeader=v1\n@setting a=1\n@setting "b=two words"\nC: x',
    "x.txt",
  );
  t.deepEqual(directives, {
    tls: {},
    backend: { tls: "none", proxyHeader: "v1" },
    setting: { a: "1", b: "two words" },
  });
});

for (const [title, text, message] of [
  ["an unknown letter", "C: a\nX: b", "x.txt:2: a line is C: S: G: or B: and a text, # and a comment, or @name"],
  ["a colon without a space", "C:a", "x.txt:1: a line is C: S: G: or B: and a text, # and a comment, or @name"],
  ["an unknown marker", "S: <tls>", "x.txt:1: unknown marker <tls> after S: use closed"],
  ["an unknown escape", "C: \\q", "x.txt:1: unknown escape \\q: use \\r \\n \\t \\\\ \\* or \\x00"],
  ["half an escape", "C: \\x1", "x.txt:1: unknown escape \\x: use \\r \\n \\t \\\\ \\* or \\x00"],
  ["a late directive", "C: a\n@tls", "x.txt:2: directives stand before the first line of the dialogue"],
  ["a key given twice", "@a b=1 b=2\nC: a", "x.txt:1: b is given twice"],
  ["no dialogue", "# nothing\n", "x.txt:1: there is no dialogue in it"],
] as const) {
  test(`transcript: ${title} is an error with file and line`, (t) => {
    t.throws(() => parseTranscript(text, "x.txt"), { name: "TranscriptError", message });
  });
}
