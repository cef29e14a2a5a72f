import * as fc from "fast-check";
import test from "ava";
import { cuts, oneByOne, orStatus, readChunked, type ReadBody } from "../test/messages.ts";
import { chunkHead, ChunkedReader, LAST_CHUNK, lastChunk } from "./chunked.ts";

const outcome = (read: ReadBody | number): string | number => {
  if (typeof read !== "object") return read;
  return read.length === undefined ? `${read.body}…` : [read.body, ...read.trailers].join("|");
};

/** Bytes, and what comes of them: the body and its trailers; a body that goes on; or a status. */
const BODIES: readonly (readonly [bytes: string, expected: string | number])[] = [
  ["0\r\n\r\n", ""],
  ["5\r\nhello\r\n0\r\n\r\n", "hello"],
  ["5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"],
  ["A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789"],
  ["0000000000005\r\nhello\r\n0000\r\n\r\n", "hello"],
  ["4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n"],
  ["5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n", "hello"],
  ["5\r\nhel", "hel…"],
  ["5\r\nhello\r\n0\r\n", "hello…"],
  ["5\r\nhello\r\n0\r\n\r", "hello…"],
  ["5\r\nhello\r\n0\r\nX: y\r\n", "hello…"],
  // sizes that one hop reads and another does not
  ["", "…"],
  ["\r\n", 400],
  [" 5\r\nhello", 400],
  ["5 \r\nhello", 400],
  ["5\t\r\nhello", 400],
  ["\t5\r\nhello", 400],
  ["+5\r\nhello", 400],
  ["-5\r\nhello", 400],
  ["0x5\r\nhello", 400],
  ["5_0\r\nhello", 400],
  ["5.0\r\nhello", 400],
  ["g\r\nhello", 400],
  ["\xb5\r\nhello", 400],
  ["5\0\r\nhello", 400],
  ["00000000000005\r\nhello", 400],
  ["10000000000000000\r\n", 400],
  ["fffffffffffff\r\n", "…"],
  ["10000000000000005\r\nhello\r\n0\r\n\r\n", 400],
  // ends of lines
  ["5\nhello\r\n0\r\n\r\n", 400],
  ["5\r\nhello\n0\r\n\r\n", 400],
  ["5\rhello\r\n0\r\n\r\n", 400],
  ["5\r\r\nhello", 400],
  ["5\n\r\nhello", 400],
  ["5\r\nhello0\r\n\r\n", 400],
  ["5\r\nhelloXX0\r\n\r\n", 400],
  ["5\r\nhello\r0\r\n\r\n", 400],
  ["5\r\nhello!\r\n0\r\n\r\n", 400],
  ["5\r\nhello\r\n\r\n", 400],
  ["0\r\n\n", 400],
  ["0\n\n", 400],
  ["0\r\n\rX", 400],
  // extensions
  ["5;a\r\nhello\r\n0;b=c\r\n\r\n", "hello"],
  ['5;a="b c";d\r\nhello\r\n0\r\n\r\n', "hello"],
  ["5;\r\nhello\r\n0\r\n\r\n", "hello"],
  ["5;\ta=\xe4\r\nhello\r\n0\r\n\r\n", "hello"],
  ["5;a\nhello\r\n0\r\n\r\n", 400],
  ["5;\n0\r\n\r\n", 400],
  ["5;a\rb\r\nhello", 400],
  ['5;a="\r\n"', '"…'],
  ['5;a="\n"\r\nhello', 400],
  ["5;a\0\r\nhello", 400],
  ["5;a\x7f\r\nhello", 400],
  ["5 ;a\r\nhello", 400],
  ["5,a\r\nhello", 400],
  [`5;${"a".repeat(1000)}\r\nhello\r\n0\r\n\r\n`, "hello"],
  [`5;${"a".repeat(1100)}\r\nhello\r\n0\r\n\r\n`, 400],
  [`${"1;aaaaaaaaaa\r\nx\r\n".repeat(200)}0\r\n\r\n`, 400],
  // trailers
  ["0\r\nX-Sum: y\r\nx-sum:  z \r\n\r\n", "|X-Sum|y|x-sum|z"],
  ["0\r\nServer-Timing: a\r\nContent-Digest: b\r\nETag: c\r\n\r\n", "|Server-Timing|a|Content-Digest|b|ETag|c"],
  ["0\r\nX: y\n\r\n", 400],
  ["0\r\nX : y\r\n\r\n", 400],
  ["0\r\nX: y\r\n z\r\n\r\n", 400],
  ["0\r\n X: y\r\n\r\n", 400],
  ["0\r\nX: \0\r\n\r\n", 400],
  ["0\r\nGET / HTTP/1.1\r\n\r\n", 400],
  [`0\r\nX: ${"y".repeat(1100)}\r\n\r\n`, 431],
  [`0\r\n${"a:b\r\n".repeat(101)}\r\n`, 431],
];

for (const [bytes, expected] of BODIES) {
  const name = bytes.length > 80 ? `${bytes.slice(0, 80)}… (${bytes.length} bytes)` : bytes;
  test(`chunks ${JSON.stringify(name)}, however they are cut`, (t) => {
    for (const lengths of [[], oneByOne(bytes), [1], [2], [3], [bytes.length - 1]]) {
      t.is(outcome(orStatus(() => readChunked(bytes, lengths))), expected);
    }
  });
}

for (const name of [
  "Host",
  "Content-Length",
  "transfer-encoding",
  "Trailer",
  "Connection",
  "Upgrade",
  "TE",
  "Authorization",
  "Proxy-Authorization",
  "WWW-Authenticate",
  "Cookie",
  "Set-Cookie",
  "Content-Type",
  "Content-Encoding",
  "Content-Range",
  "Cache-Control",
  "Expect",
  "If-Match",
  "Location",
  "X-Forwarded-For",
  "Forwarded",
  "Remote-User",
]) {
  test(`chunks: ${name} is no trailer; it is dropped, read and written`, (t) => {
    t.deepEqual(readChunked(`0\r\n${name}: a\r\nX: y\r\n\r\n`).trailers, ["X", "y"]);
    t.is(lastChunk([name, "a", "X", "y"]), "0\r\nX: y\r\n\r\n");
  });
}

test("chunks: the index behind the end leaves what follows", (t) => {
  const bytes = "5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n";
  for (const lengths of [[], oneByOne(bytes), [14], [15], [16]]) t.is(readChunked(bytes, lengths).length, 15);
  const reader = new ChunkedReader({ maxTrailers: 100 });
  t.is(
    reader.read(Buffer.from(`xx${bytes}`), 2, () => {}),
    17,
  );
  t.is(
    reader.read(Buffer.from("more"), 1, () => t.fail("data behind the end")),
    1,
  );
});

test("chunks: pieces are handed on as they come, without a copy, and never empty", (t) => {
  const chunk = Buffer.from("5\r\nhello\r\n0\r\n\r\n");
  const got: Buffer[] = [];
  new ChunkedReader({ maxTrailers: 100 }).read(chunk, 0, (piece) => got.push(piece));
  t.is(got.length, 1);
  t.is(got[0]?.buffer, chunk.buffer);
  const reader = new ChunkedReader({ maxTrailers: 100 });
  const whole = Buffer.from("hello");
  reader.read(Buffer.from("a\r\n"), 0, () => t.fail("there is no data yet"));
  reader.read(whole, 0, (piece) => t.is(piece, whole));
  t.plan(3);
});

test("chunks: what is no size of a chunk is not written", (t) => {
  t.is(chunkHead(1), "1\r\n");
  t.is(chunkHead(65_536), "10000\r\n");
  for (const size of [0, -1, 1.5, Number.NaN, Infinity]) t.throws(() => chunkHead(size), { message: /no size of a chunk/ });
});

test("chunks: a trailer that would not be one line is not written", (t) => {
  for (const bad of ["y\r\nZ: a", "y\n", "\0", "\u010a"]) t.throws(() => lastChunk(["X", bad]), { message: /one line/ });
  t.throws(() => lastChunk(["X: y\r\nZ", "a"]), { message: /no token/ });
  t.is(lastChunk([]), LAST_CHUNK);
});

test("chunks: a body that is written is read as it was, however it is cut", (t) => {
  const part = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString("latin1"));
  fc.assert(
    fc.property(fc.array(part, { maxLength: 10 }), fc.constantFrom([], ["X-A", "b"]), cuts, (parts, trailers, lengths) => {
      const bytes = parts.map((text) => `${chunkHead(text.length)}${text}\r\n`).join("") + lastChunk(trailers);
      t.deepEqual(readChunked(`${bytes}GET`, lengths), { body: parts.join(""), trailers, length: bytes.length });
    }),
  );
});

test("chunks: any bytes are a body, a problem, or not complete yet, however they are cut", (t) => {
  const wild = fc
    .array(
      fc.oneof(
        fc.constantFrom("5\r\nhello\r\n", "0\r\n", "\r\n", "1", "\r", "\n", ";", " ", "X: y\r\n"),
        fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
      ),
      { maxLength: 12 },
    )
    .map((parts) => parts.join(""));
  fc.assert(
    fc.property(fc.constantFrom("", "5\r\nhello\r\n", "0\r\n"), wild, cuts, (start, rest, lengths) => {
      const whole = orStatus(() => readChunked(start + rest));
      t.deepEqual(
        orStatus(() => readChunked(start + rest, lengths)),
        whole,
      );
    }),
    { numRuns: 3000 },
  );
});
