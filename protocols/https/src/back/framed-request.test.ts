import test from "ava";
import { array, assert, constantFrom, option, property, tuple } from "fast-check";
import type { RequestBody } from "../exchange.ts";
import { get, TestBody } from "../../test/back-scene.ts";
import { framedRequest } from "./framed-request.ts";

const text = (method: string, fields: readonly string[], body?: RequestBody): string =>
  framedRequest(get({ method, fields }), body).text;
const CHUNKS = new TestBody(undefined);

for (const [title, method, fields, body, expected] of [
  ["a request without a body is sent as it is", "GET", ["hOsT", "a", "X-b", "c"], undefined, "hOsT: a\r\nX-b: c\r\n"],
  ["POST without a body says so", "POST", [], undefined, "Content-Length: 0\r\n"],
  ["DELETE without a body says nothing of it", "DELETE", [], undefined, ""],
  [
    "the client's own length stays where it stood",
    "PUT",
    ["content-LENGTH", "5", "A", "b"],
    new TestBody(5),
    "content-LENGTH: 5\r\nA: b\r\n",
  ],
  ["a length that the client did not give is added", "PUT", ["A", "b"], new TestBody(5), "A: b\r\nContent-Length: 5\r\n"],
  ["a body of no length goes in chunks", "POST", ["A", "b"], CHUNKS, "A: b\r\nTransfer-Encoding: chunked\r\n"],
  ["a length next to chunks is dropped", "POST", ["Content-Length", "5"], CHUNKS, "Transfer-Encoding: chunked\r\n"],
  ["a coding that the fields name is dropped", "POST", ["transfer-encoding", "x"], new TestBody(1), "Content-Length: 1\r\n"],
  ["a length that is not the body's is replaced", "POST", ["Content-Length", "6"], new TestBody(5), "Content-Length: 5\r\n"],
  ["two lengths become one", "POST", ["Content-Length", "5", "content-length", "5"], new TestBody(5), "Content-Length: 5\r\n"],
  ["a length without a body is dropped", "GET", ["Content-Length", "5"], undefined, ""],
] as const) {
  test(`request: ${title}`, (t) => {
    t.is(text(method, fields, body), `${method} / HTTP/1.1\r\n${expected}\r\n`);
  });
}

for (const [value, isTied] of [
  ["Basic YTpi", false],
  ["bearer x", false],
  ["Digest username=x", false],
  ["NTLM TlRMTVNTUAAB", true],
  ["Negotiate YA==", true],
  ["Basics x", true],
  ["", true],
] as const) {
  test(`request: "${value}" ${isTied ? "may log the connection in" : "is for one request"}`, (t) => {
    const request = get({ fields: ["AUTHORIZATION", value] });
    t.is(framedRequest(request, undefined).logsConnectionIn, isTied);
  });
}

test("request: a field that would become two lines is not written", (t) => {
  for (const value of ["a\r\nB: c", "a\nb", "a\0b", "a\u010ab"]) t.throws(() => text("GET", ["A", value]));
  t.throws(() => text("GET", ["A\r\nB", "c"]));
  t.throws(() => framedRequest(get({ target: "/ HTTP/1.1\r\nHost: x" }), undefined));
});

test("request: whatever the fields say, there is one framing, and it is the body's", (t) => {
  const name = constantFrom("Content-Length", "content-length", "Transfer-Encoding", "TRANSFER-ENCODING", "A");
  const value = constantFrom("0", "5", "05", "chunked", "identity, chunked", "");
  assert(
    property(
      array(tuple(name, value), { maxLength: 5 }),
      option(constantFrom(0, 5, 6)),
      constantFrom("GET", "POST"),
      (pairs, length, method) => {
        const words = text(method, pairs.flat(), length === null ? CHUNKS : new TestBody(length)).toLowerCase();
        t.deepEqual(words.match(/^(content-length|transfer-encoding): .*$/gm), [
          length === null ? "transfer-encoding: chunked" : `content-length: ${length}`,
        ]);
      },
    ),
  );
});
