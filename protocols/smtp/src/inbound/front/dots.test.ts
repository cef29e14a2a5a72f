// The end of a message: only one thing is one, however the bytes are cut.

import test from "ava";
import * as fc from "fast-check";
import { CountReader, DotReader } from "./dots.ts";

/** What a reader makes of the bytes, and what it leaves; undefined: no end was seen. */
function read(reader: DotReader | CountReader, chunks: readonly Buffer[]): { content: string; rest: string | undefined } {
  const content: Buffer[] = [];
  for (const [at, chunk] of chunks.entries()) {
    const piece = reader.read(chunk);
    content.push(Buffer.from(piece.content));
    if (piece.rest === undefined) continue;
    return { content: text(content), rest: text([piece.rest, ...chunks.slice(at + 1)]) };
  }
  return { content: text(content), rest: undefined };
}

const text = (chunks: readonly Buffer[]): string => Buffer.concat(chunks).toString("latin1");

/** As RFC 5321 section 4.5.2 says it, for bytes that are all there. */
function plain(bytes: string): { content: string; rest: string | undefined } {
  const whole = `\r\n${bytes}`;
  const end = whole.indexOf("\r\n.\r\n");
  const content = (end === -1 ? whole : whole.slice(0, end + 2)).replaceAll("\r\n.", "\r\n").slice(2);
  return { content, rest: end === -1 ? undefined : whole.slice(end + 5) };
}

const soup = fc
  .array(fc.constantFrom("\r", "\n", ".", "\r\n", "\r\n.", "\r\n.\r\n", "\r\n..", "a", "bc", "\0"), { maxLength: 30 })
  .map((parts) => parts.join(""));

test("dots: however the bytes are cut, the end and the content are the same", (t) => {
  fc.assert(
    fc.property(soup, fc.array(fc.nat({ max: 60 }), { maxLength: 8 }), (bytes, cuts) => {
      const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].toSorted((a, b) => a - b);
      const chunks = at.slice(1).map((to, index) => Buffer.from(bytes.slice(at[index], to), "latin1"));
      const expected = plain(bytes);
      const got = read(new DotReader(), chunks);
      t.is(got.rest, expected.rest);
      // What may be the end is kept back until it is known.
      if (expected.rest === undefined) t.true(expected.content.startsWith(got.content));
      else t.is(got.content, expected.content);
    }),
    { numRuns: 3000 },
  );
});

test("dots: no chunk is changed", (t) => {
  const chunk = Buffer.from("..a\r\n..b\r\n.\r\nQUIT\r\n");
  const before = chunk.toString();
  new DotReader().read(chunk);
  t.is(chunk.toString(), before);
});

test("dots: content without dots is handed on without a copy", (t) => {
  const chunk = Buffer.from("a\r\nb\r\n");
  t.is(new DotReader().read(chunk).content.buffer, chunk.buffer);
});

test("dots: a chunk that is counted ends after its bytes, whatever they are", (t) => {
  const chunks = ["ab", "\r\n.\r\n", "cd", "QUIT"].map((part) => Buffer.from(part));
  t.deepEqual(read(new CountReader(9), chunks), { content: "ab\r\n.\r\ncd", rest: "QUIT" });
  t.deepEqual(read(new CountReader(3), chunks), { content: "ab\r", rest: "\n.\r\ncdQUIT" });
  t.deepEqual(read(new CountReader(99), chunks), { content: "ab\r\n.\r\ncdQUIT", rest: undefined });
});
