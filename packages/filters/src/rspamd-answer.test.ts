import test from "ava";
import * as fc from "fast-check";
import { applyEdits, parseHeader } from "@postern/message";
import { readAnswer } from "./rspamd-answer.ts";

const header = parseHeader(Buffer.from("Received: a\r\nReceived: b\r\nSubject: x\r\n"));

const value = fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.integer(), fc.constant(null), fc.double());
const change = fc.oneof(value, fc.array(value), fc.record({ value, order: value }), fc.array(fc.record({ value, order: value })));
const name = fc.oneof(fc.string(), fc.constantFrom("Received", "Subject", "X-A", "__proto__", "constructor"));
const milter = fc.record({ add_headers: fc.dictionary(name, change), remove_headers: fc.dictionary(name, change) });
const answer = fc.record({
  action: fc.string(),
  score: fc.double({ noNaN: true, noDefaultInfinity: true }),
  symbols: fc.oneof(fc.dictionary(name, fc.record({ score: value })), value),
  messages: fc.oneof(fc.record({ smtp_message: value }), value),
  subject: value,
  milter: fc.oneof(milter, value),
});

test("whatever rspamd wants of the header can be written, and ends no field", (t) => {
  fc.assert(
    fc.property(answer, (said) => {
      const { edits, words, subject, symbols } = readAnswer(Buffer.from(JSON.stringify(said)), (of) => header.count(of));
      applyEdits(header, edits);
      // oxlint-disable-next-line no-control-regex -- control characters are what it looks for
      t.false(/[\x00-\x1f\x7f]/.test([words, subject, ...symbols].join("")));
      t.true(symbols.length <= 20);
    }),
    { numRuns: 500 },
  );
});

test("bytes that are no answer are an Error, never anything else", (t) => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.json().map((text) => Buffer.from(text)),
      ),
      (bytes) => {
        const error = t.throws(() => readAnswer(Buffer.from(bytes), () => 0));
        return error.message.startsWith("answered ");
      },
    ),
    { numRuns: 500 },
  );
});
