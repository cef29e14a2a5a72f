import test from "ava";
import { framingOf, readRequest } from "../test/messages.ts";

/** Field lines of a POST, and what comes of them: how long its body is, or the status. */
const FIELD_LINES: readonly (readonly [lines: string, expected: string | number])[] = [
  ["", "none"],
  ["Content-Length: 5\r\n", "length 5"],
  ["content-length:5\r\n", "length 5"],
  ["Content-Length: \t 5 \t \r\n", "length 5"],
  ["Content-Length: 0\r\n", "length 0"],
  ["Content-Length: 0005\r\n", "length 5"],
  ["Content-Length: 9007199254740991\r\n", "length 9007199254740991"],
  ["Transfer-Encoding: chunked\r\n", "chunked"],
  ["TRANSFER-ENCODING:\tChunked\t\r\n", "chunked"],
  // CL.TE and TE.CL
  ["Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400],
  ["Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400],
  ["Transfer-Encoding: identity\r\nContent-Length: 5\r\n", 400],
  ["Content-Length: 5\r\nTransfer-Encoding:\r\n", 400],
  // lengths that are there twice
  ["Content-Length: 5\r\nContent-Length: 6\r\n", 400],
  ["Content-Length: 5\r\nContent-Length: 5\r\n", 400],
  ["Content-Length: 5\r\ncontent-length: 5\r\n", 400],
  ["Content-Length: 5, 5\r\n", 400],
  ["Content-Length: 5,\r\n", 400],
  // lengths that are none
  ["Content-Length:\r\n", 400],
  ["Content-Length: +5\r\n", 400],
  ["Content-Length: -5\r\n", 400],
  ["Content-Length: 5.0\r\n", 400],
  ["Content-Length: 0x5\r\n", 400],
  ["Content-Length: 5e1\r\n", 400],
  ["Content-Length: 5_0\r\n", 400],
  ["Content-Length: 5 0\r\n", 400],
  ['Content-Length: "5"\r\n', 400],
  ["Content-Length: \xb2\r\n", 400],
  ["Content-Length: 5\xa0\r\n", 400],
  ["Content-Length: 9007199254740992\r\n", 400],
  ["Content-Length: 18446744073709551621\r\n", 400],
  ["Content-Length: 00000000000000000000000005\r\n", 400],
  // codings that one hop knows and another does not
  ["Transfer-Encoding: xchunked\r\n", 501],
  ["Transfer-Encoding: chunked, chunked\r\n", 501],
  ["Transfer-Encoding: gzip, chunked\r\n", 501],
  ["Transfer-Encoding: chunked, identity\r\n", 501],
  ["Transfer-Encoding: identity\r\n", 501],
  ["Transfer-Encoding: chunked;q=1\r\n", 501],
  ['Transfer-Encoding: "chunked"\r\n', 501],
  ["Transfer-Encoding: ,chunked\r\n", 501],
  ["Transfer-Encoding: chunke\xe4\r\n", 501],
  ["Transfer-Encoding: chunked\xa0\r\n", 501],
  ["Transfer-Encoding:\r\n", 501],
  ["Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400],
  ["Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", 400],
  ["Transfer-Encoding: identity\r\ntransfer-encoding: chunked\r\n", 400],
  // names that one hop reads and another does not
  ["Transfer-Encoding : chunked\r\n", 400],
  ["Transfer-Encoding\t: chunked\r\n", 400],
  ["Transfer-Encoding\x0b: chunked\r\n", 400],
  ["Transfer-Encoding\0: chunked\r\n", 400],
  ["Transfer Encoding: chunked\r\n", 400],
  [" Transfer-Encoding: chunked\r\n", 400],
  ["\tTransfer-Encoding: chunked\r\n", 400],
  ["X: y\r\n Transfer-Encoding: chunked\r\n", 400],
  ["X: y\r\n\tTransfer-Encoding: chunked\r\n", 400],
  ["Transfer-Encoding:\r\n chunked\r\n", 400],
  ["Transfer-Encoding: \x0bchunked\r\n", 400],
  ["Transfer-Encoding: chunked\x0c\r\n", 400],
  ["X: y\nTransfer-Encoding: chunked\r\n", 400],
  ["X: y\rTransfer-Encoding: chunked\r\n", 400],
  ["X: y\n\r\n", 400],
  ["X: y\0\r\n", 400],
  ["X: \x7f\r\n", 400],
  ["Transfer-Encoding\r\n", 400],
  [": chunked\r\n", 400],
  ["\xc4: b\r\n", 400],
  ["(a): b\r\n", 400],
  ["Transfer_Encoding: chunked\r\n", "none"],
  ["X:\r\n", "none"],
  ["X: \xff\x80 \t y\r\n", "none"],
];

for (const [lines, expected] of FIELD_LINES) {
  test(`a request with ${JSON.stringify(lines)}: ${expected}`, (t) => {
    t.is(framingOf(readRequest(`POST / HTTP/1.1\r\n${lines}\r\n`)), expected);
  });
}

for (const [line, expected] of [
  ["GET / HTTP/1.1", "none"],
  ["GET / HTTP/1.0", "none"],
  ["M-SEARCH * HTTP/1.1", "none"],
  ["GET http://a/b?c#d HTTP/1.1", "none"],
  ["GET  / HTTP/1.1", 400],
  ["GET /  HTTP/1.1", 400],
  ["GET / HTTP/1.1 ", 400],
  [" GET / HTTP/1.1", 400],
  ["GET\t/ HTTP/1.1", 400],
  ["GET /\tHTTP/1.1", 400],
  ["GET /a\tb HTTP/1.1", 400],
  ["GET /a b HTTP/1.1", 400],
  ["GET /\xe4 HTTP/1.1", 400],
  ["GET /\x7f HTTP/1.1", 400],
  ["GET /", 400],
  ["GET", 400],
  ["GET HTTP/1.1", 400],
  ["GE:T / HTTP/1.1", 400],
  ["G\xc4T / HTTP/1.1", 400],
  ["GET / http/1.1", 400],
  ["GET / HTTP/1.10", 400],
  ["GET / HTTP/01.1", 400],
  ["GET / HTTP/1", 400],
  ["GET / HTTPS/1.1", 400],
  ["GET / HTTP/1,1", 400],
  ["GET / HTTP/1.2", 505],
  ["GET / HTTP/0.9", 505],
  ["GET / HTTP/2.0", 505],
  ["PRI * HTTP/2.0", 505],
  [`GET /${"a".repeat(2047)} HTTP/1.1`, "none"],
  [`GET /${"a".repeat(2048)} HTTP/1.1`, 414],
  ["\x16\x03\x01\x02", 400],
] as const) {
  test(`a first line ${JSON.stringify(line.slice(0, 40).replaceAll(" ", "␣"))} of ${line.length} characters: ${expected}`, (t) => {
    t.is(framingOf(readRequest(`${line}\r\n\r\n`)), expected);
  });
}

test("a request: names and values are as they came, in their order", (t) => {
  const read = readRequest("GET /a?b=%20 HTTP/1.0\r\nhOST:  a\r\nX-A:\r\nhost: \xe4 b\t\r\n\r\n");
  const fields = ["hOST", "a", "X-A", "", "host", "\xe4 b"];
  t.deepEqual(read, { head: { method: "GET", target: "/a?b=%20", minor: 0, fields }, framing: { kind: "none" } });
});

test("a request: chunks in HTTP/1.0 are refused", (t) => {
  t.is(readRequest("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
});

test("a request: as many fields as allowed are taken, one more is not", (t) => {
  t.is(framingOf(readRequest(`GET / HTTP/1.1\r\n${"a: b\r\n".repeat(50)}\r\n`)), "none");
  t.is(readRequest(`GET / HTTP/1.1\r\n${"a: b\r\n".repeat(51)}\r\n`), 431);
});

test("a method that is longer than any is refused before it stands in a log", (t) => {
  t.is(framingOf(readRequest(`${"M".repeat(32)} / HTTP/1.1\r\nHost: h\r\n\r\n`)), "none");
  t.is(framingOf(readRequest(`${"M".repeat(33)} / HTTP/1.1\r\nHost: h\r\n\r\n`)), 501);
});
