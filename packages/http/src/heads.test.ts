import * as fc from "fast-check";
import test from "ava";
import { cuts, LIMITS, orStatus, readHead } from "../test/messages.ts";
import { parseAnswerHead } from "./answer-head.ts";
import { answerFraming, requestFraming } from "./framing.ts";
import { answerText, requestText } from "./head-text.ts";
import type { AnswerHead, Framing, RequestHead } from "./message.ts";
import { parseRequestHead } from "./request-head.ts";

/** As a front reads it: the head and how long the body is; or the status; or undefined while the head is not whole. */
function readRequest(
  bytes: string,
  lengths: readonly number[] = [],
): { head: RequestHead; framing: Framing } | number | undefined {
  return orStatus(() => {
    const read = readHead(bytes, lengths);
    if (read === undefined) return undefined;
    const head = parseRequestHead(read.text, LIMITS);
    return { head, framing: requestFraming(head) };
  });
}

function readAnswer(bytes: string, method = "GET"): { head: AnswerHead; framing: Framing } | number | undefined {
  return orStatus(() => {
    const read = readHead(bytes, [], LIMITS, "refused");
    if (read === undefined) return undefined;
    const head = parseAnswerHead(read.text, LIMITS);
    return { head, framing: answerFraming(head, method) };
  });
}

const framingOf = (read: { framing: Framing } | number | undefined): string | number | undefined => {
  if (typeof read !== "object") return read;
  return read.framing.kind === "length" ? `length ${read.framing.length}` : read.framing.kind;
};

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

/** Of an answer: its head, the method that was asked with, and how long its body is. */
const ANSWERS: readonly (readonly [head: string, method: string, expected: string | number])[] = [
  ["HTTP/1.1 200 OK\r\n", "GET", "close"],
  ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", "GET", "length 5"],
  ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", "GET", "chunked"],
  ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", "HEAD", "none"],
  ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", "HEAD", "none"],
  ["HTTP/1.1 100 Continue\r\n", "POST", "none"],
  ["HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n", "GET", "none"],
  ["HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n", "GET", "none"],
  ["HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n", "GET", "none"],
  ["HTTP/1.1 200\r\n", "GET", "close"],
  ["HTTP/1.1 200 \r\n", "GET", "close"],
  ["HTTP/1.0 404 Nicht da \xe4\t!\r\n", "GET", "close"],
  ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n", "GET", 400],
  ["HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n", "GET", 400],
  ["HTTP/1.1 200 OK\r\nContent-Length: -1\r\n", "HEAD", 400],
  ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n", "GET", 400],
  ["HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n", "GET", 400],
  ["HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n", "GET", 501],
  ["HTTP/1.1 200 OK\r\nX: a\r\n b\r\n", "GET", 400],
  ["HTTP/1.1 200 OK\r\nX : a\r\n", "GET", 400],
  ["HTTP/1.1 200 OK\nX: a\r\n", "GET", 400],
  ["HTTP/1.1 200 O\0K\r\n", "GET", 400],
  ["HTTP/1.1 099 Early\r\n", "GET", 400],
  ["HTTP/1.1 600 Late\r\n", "GET", 400],
  ["HTTP/1.1 2000 OK\r\n", "GET", 400],
  ["HTTP/1.1 20 OK\r\n", "GET", 400],
  ["HTTP/1.1  200 OK\r\n", "GET", 400],
  ["HTTP/1.1\t200 OK\r\n", "GET", 400],
  ["HTTP/1.1 200\tOK\r\n", "GET", 400],
  ["HTTP/1.1 200OK\r\n", "GET", 400],
  ["HTTP/1.1 +20 OK\r\n", "GET", 400],
  ["HTTP/1.1200 OK\r\n", "GET", 400],
  ["HTTP/2.0 200 OK\r\n", "GET", 505],
  ["ICY 200 OK\r\n", "GET", 400],
  ["<html>\r\n", "GET", 400],
];

for (const [head, method, expected] of ANSWERS) {
  test(`an answer ${JSON.stringify(head)} to ${method}: ${expected}`, (t) => {
    t.is(framingOf(readAnswer(`${head}\r\n`, method)), expected);
  });
}

test("an answer: status, reason and fields are as they came", (t) => {
  const read = readAnswer("HTTP/1.0 404 Nicht da \xe4\r\nX-Case:  y \r\n\r\n");
  t.deepEqual(typeof read === "object" && read.head, {
    status: 404,
    reason: "Nicht da \xe4",
    minor: 0,
    fields: ["X-Case", "y"],
  });
});

test("a problem quotes nothing of the message", (t) => {
  for (const bytes of [
    "s3cret / HTTP/1.1\r\ns3cret\r\n\r\n",
    "GET /s3cret s3cret\r\n\r\n",
    "GET / HTTP/1.1\r\nContent-Length: s3cret\r\n\r\n",
  ]) {
    const error = t.throws(() => {
      const head = parseRequestHead(readHead(bytes)?.text ?? "", LIMITS);
      requestFraming(head);
    });
    t.notRegex(error?.message ?? "", /s3cret/);
  }
});

test("a parser refuses CR, LF and NUL that have come past no reader", (t) => {
  const refused = (text: string): void => {
    t.is(
      orStatus(() => parseRequestHead(text, LIMITS)),
      400,
      JSON.stringify(text),
    );
    t.is(
      orStatus(() => parseAnswerHead(text.replace("GET / HTTP/1.1", "HTTP/1.1 200 OK"), LIMITS)),
      400,
      JSON.stringify(text),
    );
  };
  for (const bad of ["\r", "\n", "\0", "\r\r\n", "\n\r\n"]) {
    refused(`GET / HTTP/1.1${bad}\r\n`);
    refused(`GET / HTTP/1.1\r\nA: b${bad}c\r\n`);
    refused(`GET / HTTP/1.1\r\nA${bad}: b\r\n`);
    refused(`GET / HTTP/1.1\r\nA: b\r\nC: d${bad}`);
  }
  refused("");
  refused("GET / HTTP/1.1");
  refused("GET / HTTP/1.1\r\nA: b");
});

const token = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,20}$/);
const value = fc.stringMatching(/^(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]{0,20}[!-~\x80-\xff])?)?$/);
const fieldList = fc.array(fc.tuple(token, value), { maxLength: 10 }).map((list) => list.flat());

test("a request that is written is read as it was, however it is cut", (t) => {
  fc.assert(
    fc.property(token, fc.stringMatching(/^[!-~]{1,30}$/), fieldList, cuts, (method, target, fields, lengths) => {
      const read = readHead(requestText(method, target, fields), lengths);
      t.deepEqual(parseRequestHead(read?.text ?? "", LIMITS), { method, target, minor: 1, fields });
    }),
  );
});

test("an answer that is written is read as it was, however it is cut", (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 599 }), value, fieldList, cuts, (status, reason, fields, lengths) => {
      const read = readHead(answerText(status, reason, fields), lengths, LIMITS, "refused");
      t.deepEqual(parseAnswerHead(read?.text ?? "", LIMITS), { status, reason, minor: 1, fields });
    }),
  );
});

const wild = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "\r\n",
        "\r\n\r\n",
        "GET / HTTP/1.1\r\n",
        "HTTP/1.1 200 OK\r\n",
        "Content-Length: 5\r\n",
        "A:",
        " ",
        "\t",
        "\n",
      ),
      fc.constant("Transfer-Encoding: chunked\r\n"),
      fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
    ),
    { maxLength: 20 },
  )
  .map((parts) => parts.join(""));

test("any bytes are a message, a problem, or not whole yet, however they are cut", (t) => {
  fc.assert(
    fc.property(fc.constantFrom("", "GET / HTTP/1.1\r\n"), wild, cuts, (start, rest, lengths) => {
      t.deepEqual(readRequest(start + rest, lengths), readRequest(start + rest));
      const answer = readAnswer(`HTTP/1.1 200 OK\r\n${rest}`);
      t.true(answer === undefined || typeof answer === "object" || [400, 431, 501, 505].includes(answer));
    }),
    { numRuns: 2000 },
  );
});
