import test from "ava";
import * as fc from "fast-check";
import { cuts, mail, pieces } from "../test/chunks.ts";
import { HeaderCollector } from "./collector.ts";
import { spansOf } from "./fields.ts";

interface Texts {
  readonly header: string;
  readonly rest: string;
}

/** The whole of a message, given in pieces. */
function gather(bytes: Buffer, lengths: readonly number[] = [], limit = 10_000): Texts | "too-large" {
  const collector = new HeaderCollector(limit);
  const chunks = pieces(bytes, lengths);
  for (const chunk of chunks) {
    const answer = collector.push(chunk);
    if (answer === "too-large") return answer;
    if (answer !== undefined) return texts(answer.header, Buffer.concat([answer.rest, ...chunks]));
  }
  const { header, rest } = collector.end();
  return texts(header, rest);
}

const texts = (header: Buffer, rest: Buffer): Texts => ({ header: header.toString("latin1"), rest: rest.toString("latin1") });

/** Message, its header, its rest. */
const MESSAGES: Readonly<Record<string, readonly [string, string, string]>> = {
  "ends at the empty line": ["A: 1\r\nB: 2\r\n\r\nbody\r\n", "A: 1\r\nB: 2\r\n", "\r\nbody\r\n"],
  "is empty when the message begins with an empty line": ["\r\nbody", "", "\r\nbody"],
  "is empty in an empty message": ["", "", ""],
  "keeps folded lines": ["A: 1\r\n 2\r\n\t3\r\n\r\n", "A: 1\r\n 2\r\n\t3\r\n", "\r\n"],
  "goes on after a line of blanks": ["A: 1\r\n \r\nB: 2\r\n\r\n", "A: 1\r\n \r\nB: 2\r\n", "\r\n"],
  "takes blanks before the colon": ["A \t: 1\r\n\r\n", "A \t: 1\r\n", "\r\n"],
  "is all of a message without an empty line": ["A: 1\r\nB: 2\r\n", "A: 1\r\nB: 2\r\n", ""],
  "gets the CRLF that its last line lacks": ["A: 1\r\nB: 2", "A: 1\r\nB: 2\r\n", ""],
  "gets the CRLF that its last folded line lacks": ["A: 1\r\n 2", "A: 1\r\n 2\r\n", ""],
  "is empty when the first line is no field": ["hello\r\nA: 1\r\n\r\nbody", "", "\r\nhello\r\nA: 1\r\n\r\nbody"],
  "is empty when the only line is no field": ["hello", "", "\r\nhello"],
  "is empty when the first line begins with a blank": [" A: 1\r\n\r\nbody", "", "\r\n A: 1\r\n\r\nbody"],
  "is empty when the first name is empty": [": 1\r\n\r\n", "", "\r\n: 1\r\n\r\n"],
  "ends at a line that is no field, and gets an empty line": [
    "A: 1\r\nhello\r\nB: 2\r\n\r\n",
    "A: 1\r\n",
    "\r\nhello\r\nB: 2\r\n\r\n",
  ],
  "ends at a name with a blank in it": ["A: 1\r\nB C: 2\r\n\r\n", "A: 1\r\n", "\r\nB C: 2\r\n\r\n"],
  "ends at a name that is not US-ASCII": ["A: 1\r\nB\xa0: 2\r\n\r\n", "A: 1\r\n", "\r\nB\xa0: 2\r\n\r\n"],
  "ends at a name with a control character": ["A: 1\r\nB\x08: 2\r\n\r\n", "A: 1\r\n", "\r\nB\x08: 2\r\n\r\n"],
  "ends at a last line that is no field": ["A: 1\r\nhello", "A: 1\r\n", "\r\nhello"],
  "does not end at bare CR or LF": ["A: 1\n\nB: 2\r\r\n\r\n", "A: 1\n\nB: 2\r\r\n", "\r\n"],
  "makes a field of a UNIX mailbox line": ["From a Mon\r\nA: 1\r\n\r\n", "X-Mailbox-Line: From a Mon\r\nA: 1\r\n", "\r\n"],
  "makes a field of a quoted mailbox line": [">From a\r\nA: 1\r\n\r\n", "X-Mailbox-Line: >From a\r\nA: 1\r\n", "\r\n"],
  "makes a field of a mailbox line that is all there is": ["From a", "X-Mailbox-Line: From a\r\n", ""],
  "has one mailbox line at most": ["From a\r\nFrom b\r\n\r\n", "X-Mailbox-Line: From a\r\n", "\r\nFrom b\r\n\r\n"],
  "takes 'From :' for the field it is": ["From : a\r\n\r\n", "From : a\r\n", "\r\n"],
};

for (const [title, [message, header, rest]] of Object.entries(MESSAGES)) {
  test(`the header ${title}`, (t) => {
    const bytes = Buffer.from(message, "latin1");
    t.deepEqual(gather(bytes), { header, rest });
    t.deepEqual(gather(bytes, Array(bytes.length).fill(1)), { header, rest });
  });
}

test("a header is the same however the message is cut", (t) => {
  const message = mail("\r\n", "\r\n\r\n", "\r", "\n", " ", "A: ", "From ", ">", ":", "hello\r\n", "B: 2\r\n", "\0");
  fc.assert(
    fc.property(message, cuts, fc.integer({ min: 0, max: 120 }), (text, lengths, limit) => {
      const bytes = Buffer.from(text);
      t.deepEqual(gather(bytes, lengths, limit), gather(bytes, [], limit));
    }),
    { numRuns: 1000 },
  );
});

test("a header loses no byte of a message, and adds only what it says", (t) => {
  fc.assert(
    fc.property(mail("\r\n", "\r\n\r\n", " ", "A: ", "From ", "hello\r\n", "B: 2\r\n"), cuts, (text, lengths) => {
      const bytes = Buffer.from(text);
      const parts = gather(bytes, lengths);
      if (parts === "too-large") return t.fail();
      const came = bytes.toString("latin1");
      const head = parts.header.replace(/^X-Mailbox-Line: /, "");
      const without = [head + parts.rest, head + parts.rest.slice(2), head.slice(0, -2)];
      t.true(without.includes(came), JSON.stringify({ came, ...parts }));
      t.true(parts.rest === "" || parts.rest.startsWith("\r\n"));
      const spans = spansOf(Buffer.from(parts.header, "latin1"));
      t.true(
        spans.every(({ start, nameEnd }) => nameEnd > start),
        "every line belongs to a field",
      );
    }),
  );
});

test("a header with the line that ends it may be as large as the limit, and no larger", (t) => {
  const message = Buffer.from("A: 1\r\n\r\nbody that does not count");
  t.deepEqual(gather(message, [], 8), { header: "A: 1\r\n", rest: "\r\nbody that does not count" });
  t.is(gather(message, [], 7), "too-large");
  t.deepEqual(gather(Buffer.from("A: 1234"), [], 7), { header: "A: 1234\r\n", rest: "" });
  t.is(gather(Buffer.from("A: 12345"), [], 7), "too-large");
  t.is(gather(Buffer.from("A: no end of line here"), [3, 3], 7), "too-large");
});

test("a header that fits the first chunk is not copied", (t) => {
  const chunk = Buffer.from("A: 1\r\n\r\nbody");
  const answer = new HeaderCollector(100).push(chunk);
  if (answer === undefined || answer === "too-large") return t.fail();
  t.is(answer.header.buffer, chunk.buffer);
  t.is(answer.rest.buffer, chunk.buffer);
  t.is(answer.header.byteOffset, chunk.byteOffset);
});

test("a header of 10,000 fields comes together byte by byte", (t) => {
  const header = Buffer.from("Received: from a by b\r\n".repeat(10_000));
  const collector = new HeaderCollector(header.length + 2);
  let answers = 0;
  for (let at = 0; at < header.length; at++) if (collector.push(header.subarray(at, at + 1)) !== undefined) answers++;
  t.is(answers, 0);
  const answer = collector.push(Buffer.from("\r\n"));
  t.true(answer !== undefined && answer !== "too-large" && answer.header.equals(header));
});

test("a header that is complete takes no more", (t) => {
  const collector = new HeaderCollector(100);
  collector.push(Buffer.from("\r\n"));
  t.throws(() => collector.push(Buffer.from("x")), { message: /complete already/ });
  t.throws(() => collector.end(), { message: /complete already/ });
});

test("a header of very many lines is too large, since each costs more than its bytes", (t) => {
  const lines = (count: number): Buffer => Buffer.from(`${"a:\r\n".repeat(count)}\r\n`);
  t.not(new HeaderCollector(1_000_000).push(lines(10_000)), "too-large");
  t.is(new HeaderCollector(1_000_000).push(lines(10_001)), "too-large");
  const collector = new HeaderCollector(1_000_000);
  t.is(collector.push(lines(6000).subarray(0, -2)), undefined);
  t.is(collector.push(lines(6000)), "too-large");
});
