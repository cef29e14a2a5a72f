// Results as they are written into the header (RFC 8601).

import test from "ava";
import * as fc from "fast-check";
import { resinfoText } from "./results.ts";

test("tokens and addresses stand as they are, the rest is quoted", (t) => {
  const properties = {
    "smtp.mailfrom": "alice@example.com",
    "header.s": 'a "b"',
    "header.d": undefined,
    "header.i": "",
    "header.b": "ab/+=",
  };
  t.is(
    resinfoText({ method: "dkim", result: "pass", properties }),
    'dkim=pass smtp.mailfrom=alice@example.com header.s="a \\"b\\"" header.b="ab/+="',
  );
});

test("comments are closed, and long values left out", (t) => {
  t.is(
    resinfoText({ method: "arc", result: "fail", comment: "a) b (c \\", properties: { "header.d": "x".repeat(400) } }),
    "arc=fail (a\\) b \\(c \\\\)",
  );
});

test("nothing that a stranger writes ends the line or begins another result", (t) => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (comment, value) => {
      const text = resinfoText({ method: "spf", result: "pass", comment, properties: { "smtp.mailfrom": value } });
      t.regex(text, /^spf=pass(?: \((?:[^()\\]|\\.)*\))?(?: smtp\.mailfrom=(?:[^\s";()\\]+|"(?:[^"\\]|\\.)*"))?$/);
      t.regex(text, /^[\x20-\x7e]+$/);
    }),
  );
});
