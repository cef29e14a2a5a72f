import test from "ava";
import * as fc from "fast-check";
import { cuts, mail, pieces } from "../test/chunks.ts";
import { LineEndings } from "./line-endings.ts";

type Policy = "refuse" | "repair";

/** What comes out, or what is wrong. */
function through(policy: Policy, bytes: Buffer, lengths: readonly number[] = []): string {
  const endings = new LineEndings(policy);
  const out: Buffer[] = [];
  for (const chunk of pieces(bytes, lengths)) {
    const answer = endings.push(chunk);
    if (typeof answer === "string") return `problem: ${answer}`;
    out.push(answer);
  }
  const last = endings.end();
  return typeof last === "string" ? `problem: ${last}` : Buffer.concat([...out, last]).toString("latin1");
}

/** Content, what "refuse" says of it, what "repair" makes of it. */
const CONTENT: readonly (readonly [string, string, string])[] = [
  ["", "", ""],
  ["\r\n", "\r\n", "\r\n"],
  ["a\r\nb\r\n", "a\r\nb\r\n", "a\r\nb\r\n"],
  ["a", "a", "a"],
  ["a\nb", "problem: bare-lf", "a\r\nb"],
  ["\na", "problem: bare-lf", "\r\na"],
  ["a\rb", "problem: bare-cr", "a\r\nb"],
  ["a\r", "problem: bare-cr", "a\r\n"],
  ["a\r\r\nb", "problem: bare-cr", "a\r\n\r\nb"],
  ["a\r\n\nb", "problem: bare-lf", "a\r\n\r\nb"],
  ["a\n\rb", "problem: bare-lf", "a\r\n\r\nb"],
  ["a\r\r\r", "problem: bare-cr", "a\r\n\r\n\r\n"],
  ["a\0b", "problem: nul", "problem: nul"],
  ["a\0\nb", "problem: nul", "problem: nul"],
  ["a\n\0b", "problem: bare-lf", "problem: nul"],
  ["a\r\0b", "problem: bare-cr", "problem: nul"],
  ["a\r\n.\nb", "problem: bare-lf", "a\r\n.\r\nb"],
  ["a\n.\nb", "problem: bare-lf", "a\r\n.\r\nb"],
  ["a\n.\r\nb", "problem: bare-lf", "a\r\n.\r\nb"],
  ["a\r.\rb", "problem: bare-cr", "a\r\n.\r\nb"],
  ["a\r\n.\rb", "problem: bare-cr", "a\r\n.\r\nb"],
  ["\xff\xe4\n\x80", "problem: bare-lf", "\xff\xe4\r\n\x80"],
];

for (const [content, refused, repaired] of CONTENT) {
  test(`line endings of ${JSON.stringify(content)}, however it is cut`, (t) => {
    const bytes = Buffer.from(content, "latin1");
    for (const lengths of [[], Array(bytes.length).fill(1), [1], [2], [bytes.length - 1]]) {
      t.is(through("refuse", bytes, lengths), refused);
      t.is(through("repair", bytes, lengths), repaired);
    }
  });
}

const content = mail("\r\n", "\r", "\n", ".", "\r\n.\r\n", "\n.\n", "\r.\r", "a");
const lines = mail("\r\n", "\r\n", ".", "a", "\xff").map((text) => text.replaceAll(/\r(?!\n)|(?<!\r)\n|\0/g, ""));

test("line endings: what is in order passes as the very same buffers, under both policies", (t) => {
  fc.assert(
    fc.property(lines, cuts, fc.constantFrom<Policy>("refuse", "repair"), (text, lengths, policy) => {
      const endings = new LineEndings(policy);
      for (const chunk of pieces(Buffer.from(text, "latin1"), lengths)) t.is(endings.push(chunk), chunk);
      const last = endings.end();
      t.is(typeof last === "string" ? last : last.length, 0);
    }),
  );
});

test("line endings: repaired content has CRLF alone, and nothing else is changed", (t) => {
  fc.assert(
    fc.property(content, cuts, (text, lengths) => {
      const bytes = Buffer.from(text.replaceAll("\0", ""), "latin1");
      const repaired = through("repair", bytes, lengths);
      t.notRegex(repaired, /\r(?!\n)|(?<!\r)\n/);
      t.is(repaired, bytes.toString("latin1").replace(/\r\n|\r|\n/g, "\r\n"));
      t.is(through("refuse", Buffer.from(repaired, "latin1"), lengths), repaired);
    }),
  );
});

test("line endings: what refuse says does not depend on the cuts", (t) => {
  fc.assert(
    fc.property(mail("\r\n", "\r", "\n", "\0", "a"), cuts, (text, lengths) => {
      const bytes = Buffer.from(text, "latin1");
      t.is(through("refuse", bytes, lengths), through("refuse", bytes));
    }),
  );
});

test("line endings: no end of a message comes into being that doubling dots at the beginning of lines would not undo", (t) => {
  fc.assert(
    fc.property(content, cuts, (text, lengths) => {
      const repaired = through("repair", Buffer.from(text.replaceAll("\0", ""), "latin1"), lengths);
      const sent = `${`\r\n${repaired}`.replaceAll("\r\n.", "\r\n..").slice(2)}\r\n`;
      t.notRegex(`\r\n${sent}`, /\r\n\.(?:\r|\n|$)/);
      t.notRegex(sent, /[\r\n]\.(?:\r\n|\r|\n)/);
    }),
    { numRuns: 1000 },
  );
});

test("line endings: a chunk of nothing changes nothing", (t) => {
  const endings = new LineEndings("refuse");
  t.is(String(endings.push(Buffer.from("a\r"))), "a\r");
  t.is(String(endings.push(Buffer.alloc(0))), "");
  t.is(String(endings.push(Buffer.from("\nb"))), "\nb");
});
