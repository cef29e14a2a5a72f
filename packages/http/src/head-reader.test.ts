import * as fc from "fast-check";
import test from "ava";
import { cuts, LIMITS, oneByOne, orStatus, readHead } from "../test/messages.ts";
import { HeadReader } from "./head-reader.ts";

/** What is read, and what comes of it: text and length, a status, or nothing yet. */
const HEADS: readonly (readonly [name: string, bytes: string, expected: readonly [string, number] | number | undefined])[] = [
  ["a head", "GET / HTTP/1.1\r\nA: b\r\n\r\n", ["GET / HTTP/1.1\r\nA: b\r\n", 24]],
  ["a head and what is behind it", "GET / HTTP/1.1\r\n\r\nGET", ["GET / HTTP/1.1\r\n", 18]],
  ["an empty line before it", "\r\nGET /\r\n\r\n", ["GET /\r\n", 11]],
  ["octets above ASCII, and tabs", "A\r\n\tB: \xff\x80\r\n\r\n", ["A\r\n\tB: \xff\x80\r\n", 13]],
  ["a head without its blank line", "GET / HTTP/1.1\r\nA: b\r\n", undefined],
  ["a head without its last LF", "GET / HTTP/1.1\r\nA: b\r\n\r", undefined],
  ["two empty lines before it", "\r\n\r\nGET /\r\n\r\n", 400],
  ["a bare LF", "GET / HTTP/1.1\nA: b\r\n\r\n", 400],
  ["a bare LF as the blank line", "GET / HTTP/1.1\r\n\n", 400],
  ["a bare LF before it", "\nGET / HTTP/1.1\r\n\r\n", 400],
  ["a bare CR", "GET / HTTP/1.1\rA: b\r\n\r\n", 400],
  ["a bare CR as a blank line", "GET / HTTP/1.1\r\n\rA: b\r\n\r\n", 400],
  ["a CR before CRLF", "GET / HTTP/1.1\r\r\n\r\n", 400],
  ["a CR before the blank line", "GET / HTTP/1.1\r\n\r\r\n", 400],
  ["a NUL", "GET / HTTP/1.1\r\nA: b\0\r\n\r\n", 400],
  ["a NUL before it", "\0GET / HTTP/1.1\r\n\r\n", 400],
  ["an escape", "GET / HTTP/1.1\r\nA: \x1b[2J\r\n\r\n", 400],
  ["a vertical tab", "GET / HTTP/1.1\r\nA:\x0bb\r\n\r\n", 400],
  ["a DEL", "GET / HTTP/1.1\r\nA: b\x7f\r\n\r\n", 400],
  ["a problem in a head that is not whole", "GET / HTTP/1.1\r\nA: b\n", 400],
];

for (const [name, bytes, expected] of HEADS) {
  test(`head reader: ${name}, however it is cut`, (t) => {
    for (const lengths of [[], oneByOne(bytes), [1], [2], [3], [bytes.length - 1], [bytes.length - 2]]) {
      const read = orStatus(() => readHead(bytes, lengths));
      t.deepEqual(typeof read === "object" ? [read.text, read.length] : read, expected);
    }
  });
}

test("head reader: before an answer no empty line is read over", (t) => {
  t.is(
    orStatus(() => readHead("\r\nHTTP/1.1 200 OK\r\n\r\n", [], LIMITS, "refused")),
    400,
  );
  t.is(readHead("HTTP/1.1 200 OK\r\n\r\n", [], LIMITS, "refused")?.text, "HTTP/1.1 200 OK\r\n");
});

test("head reader: where an empty line is the end, nothing may stand before it", (t) => {
  t.deepEqual(readHead("\r\nGET", [], LIMITS, "end"), { text: "", length: 2 });
  t.deepEqual(readHead("A: b\r\n\r\n", [], LIMITS, "end"), { text: "A: b\r\n", length: 8 });
});

test("head reader: a head as long as allowed is taken, one byte more is not", (t) => {
  const head = `GET / HTTP/1.1\r\nA: ${"b".repeat(100)}\r\n\r\n`;
  for (const lengths of [[], oneByOne(head), [head.length - 1]]) {
    t.is(readHead(head, lengths, { ...LIMITS, maxHead: head.length })?.length, head.length);
    t.is(
      orStatus(() => readHead(head, lengths, { ...LIMITS, maxHead: head.length - 1 })),
      431,
    );
  }
});

test("head reader: a first line that does not end is too long, before all of it was sent", (t) => {
  const limits = { ...LIMITS, maxTarget: 1000 };
  t.is(readHead(`GET /${"a".repeat(1000)}`, [], limits), undefined);
  t.is(
    orStatus(() => readHead(`GET /${"a".repeat(2000)}`, [], limits)),
    414,
  );
  t.is(
    orStatus(() => readHead("a".repeat(9000), [], { ...limits, maxTarget: 100_000 })),
    414,
  );
  t.is(
    orStatus(() => readHead("a".repeat(9000), [], limits, "refused")),
    431,
  );
});

test("head reader: it is empty until something of a head comes, and again when the head is taken", (t) => {
  const reader = new HeadReader(LIMITS);
  t.true(reader.isEmpty);
  for (const [bytes, isEmpty] of [
    ["\r", false],
    ["\n", true],
    ["G", false],
  ] as const) {
    t.is(reader.push(Buffer.from(bytes), 0), -1);
    t.is(reader.isEmpty, isEmpty);
  }
  t.is(reader.push(Buffer.from("ET /\r\n\r\n"), 0), 8);
  t.false(reader.isEmpty);
  t.is(reader.take(), "GET /\r\n");
  t.true(reader.isEmpty);
});

test("head reader: heads behind each other in one chunk are read one by one", (t) => {
  const reader = new HeadReader(LIMITS);
  const chunk = Buffer.from("A\r\n\r\n\r\nB\r\nC: d\r\n\r\nE");
  const first = reader.push(chunk, 0);
  t.is(reader.take(), "A\r\n");
  const second = reader.push(chunk, first);
  t.is(reader.take(), "B\r\nC: d\r\n");
  t.is(reader.push(chunk, second), -1);
  t.false(reader.isEmpty);
});

test("head reader: a head is taken once, and before the next is read", (t) => {
  const reader = new HeadReader(LIMITS);
  t.throws(() => reader.take(), { message: /not whole/ });
  reader.push(Buffer.from("A\r\n\r\n"), 0);
  t.throws(() => reader.push(Buffer.from("B"), 0), { message: /waits to be taken/ });
  reader.take();
  t.throws(() => reader.take(), { message: /not whole/ });
});

test("head reader: what it holds does not change with the chunk that it came in", (t) => {
  const reader = new HeadReader(LIMITS);
  const chunk = Buffer.from("GET / HTTP");
  reader.push(chunk, 0);
  chunk.fill("x");
  reader.push(Buffer.from("/1.1\r\n\r\n"), 0);
  t.is(reader.take(), "GET / HTTP/1.1\r\n");
});

const wild = fc
  .array(fc.oneof(fc.constantFrom("\r\n", "\r\n", "\r\n\r\n", "\r", "\n", "\0", "\t", "a", "GET / HTTP/1.1"), fc.string()), {
    maxLength: 20,
  })
  .map((parts) => parts.join(""));

test("head reader: any bytes have the same end, however they are cut", (t) => {
  const limits = { ...LIMITS, maxHead: 60, maxTarget: 0 };
  fc.assert(
    fc.property(wild, cuts, fc.constantFrom("skipped", "refused", "end"), (bytes, lengths, emptyLine) => {
      const whole = orStatus(() => readHead(bytes, [], limits, emptyLine));
      t.deepEqual(
        orStatus(() => readHead(bytes, lengths, limits, emptyLine)),
        whole,
      );
    }),
    { numRuns: 2000 },
  );
});

test("head reader: a head that it hands out has CRLF alone, no other control, and no blank line", (t) => {
  fc.assert(
    fc.property(wild, (bytes) => {
      const read = orStatus(() => readHead(bytes));
      if (typeof read !== "object") return;
      t.regex(read.text, /^(?:[\t\x20-\x7e\x80-\xff]+\r\n)+$/);
      t.is(`${read.text}\r\n`, bytes.slice(0, read.length).replace(/^\r\n/, ""));
    }),
    { numRuns: 2000 },
  );
});

test("head reader: bytes that come one by one are held in few buffers", (t) => {
  const reader = new HeadReader({ ...LIMITS, maxHead: 100_000 });
  const before = process.memoryUsage().arrayBuffers;
  const head = `GET / HTTP/1.1\r\nA: ${"b".repeat(90_000)}\r\n\r\n`;
  let end = -1;
  const byte = Buffer.alloc(1);
  for (let at = 0; at < head.length; at += 1) {
    byte[0] = head.charCodeAt(at);
    end = reader.push(byte, 0);
  }
  t.is(end, 1);
  t.true(process.memoryUsage().arrayBuffers - before < 1024 ** 2);
  t.is(reader.take(), head.slice(0, -2));
});
