import * as fc from "fast-check";
import test from "ava";
import { cuts, LIMITS, orStatus, readAnswer, readHead, readRequest } from "../test/messages.ts";
import { parseAnswerHead } from "./answer-head.ts";
import { requestFraming } from "./framing.ts";
import { answerText, requestText } from "./head-text.ts";
import { parseRequestHead } from "./request-head.ts";

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
