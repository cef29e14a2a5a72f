// Replies as they are written.

import test from "ava";
import { inOneLine, written } from "./words.ts";

test("words: one line, many lines, with and without a status", (t) => {
  t.is(written({ code: 250, status: "2.1.0", lines: ["OK"] }), "250 2.1.0 OK\r\n");
  t.is(written({ code: 220, status: "", lines: ["mail.example.com ESMTP"] }), "220 mail.example.com ESMTP\r\n");
  t.is(written({ code: 550, status: "5.1.1", lines: ["a", "b", "c"] }), "550-5.1.1 a\r\n550-5.1.1 b\r\n550 5.1.1 c\r\n");
});

test("words: nothing that was said by others can end the line, not even as a low byte", (t) => {
  const lines = ["a\r\n250 b", "c\0d\u007f", "\u010a\u010d\u{1f60a}", "caf\xe9"];
  t.is(
    written({ code: 550, status: "5.1.1", lines }),
    "550-5.1.1 a??250 b\r\n550-5.1.1 c?d?\r\n550-5.1.1 ????\r\n550 5.1.1 caf\xe9\r\n",
  );
});

test("words: for the log a reply is one line of bounded length", (t) => {
  t.is(inOneLine({ code: 550, status: "5.1.1", lines: ["a", "b"] }), "550 5.1.1 a / b");
  t.is(inOneLine({ code: 250, status: "", lines: ["x".repeat(1000)] }).length, 300);
});
