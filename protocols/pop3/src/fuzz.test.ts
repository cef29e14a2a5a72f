// Fuzzers: whatever a client or a mailbox server says before login, nothing crashes, hangs or is left.

import test from "ava";
import * as fc from "fast-check";
import { Registry, serve } from "@postern/core";
import { fuzzSuite } from "@postern/testing";
import { pop3 } from "./index.ts";

const CLIENT = [
  "CAPA",
  "NOOP",
  "UTF8",
  "USER alice",
  "PASS s3cret",
  "PASS two words",
  "AUTH",
  "AUTH PLAIN AGFsaWNlAHMzY3JldA==",
  "AUTH PLAIN",
  "AUTH LOGIN",
  "YWxpY2U=",
  "czNjcmV0",
  "*",
  "STAT",
  "RETR 1",
  "APOP alice 0123456789abcdef0123456789abcdef",
  "STLS",
  "XCLIENT ADDR=192.0.2.7 PORT=1 TTL=3",
  "QUIT",
  "PROXY TCP4 1.2.3.4 1.2.3.4 1 2",
  "GET / HTTP/1.1",
  "",
];

const SERVER = [
  "+OK ready",
  "+OK [XCLIENT] ready",
  "+OK",
  "-ERR no",
  "-ERR [AUTH] no",
  "-ERR [SYS/TEMP",
  "-ERR [IN-USE] locked",
  "SASL PLAIN LOGIN XOAUTH2",
  "USER",
  ".",
  "+ ",
  "+ eyJzdGF0dXMiOiI0MDAifQ==",
  "* OK",
  "",
];

/** Logins that would succeed, or fail in order. */
const LOGINS = [
  ["+OK ready", "+OK", "SASL PLAIN XOAUTH2", "USER", ".", "+OK in"],
  ["+OK ready", "-ERR what", "+OK", "+OK in"],
  ["+OK [XCLIENT] ready", "+OK", "SASL PLAIN XOAUTH2", ".", "+OK", "-ERR [IN-USE] locked"],
  ["+OK ready", "+OK", "SASL XOAUTH2 PLAIN", ".", "+ eyJzdGF0dXMiOiI0MDAifQ==", "-ERR [AUTH] no"],
];

/** What the front says are whole lines: answers, challenges, and lists with their dot. */
const TOLD = /^(?:(?:\+OK|-ERR|\+|\.|[A-Z][A-Z0-9-]*)(?: [^\r\n\0]*)?\r\n)*$/;

const cases = fuzzSuite(
  fc,
  { Registry, serve },
  {
    protocol: pop3,
    client: CLIENT,
    told: TOLD,
    server: SERVER,
    logins: LOGINS,
    floodBegins: "+OK ready\r\n+OK\r\nSASL PLAIN\r\n",
    floods: [
      { title: "a list without end", text: "X\r\n", kinds: ["backend-garbled"] },
      { title: "challenges without end", text: ".\r\n+ \r\n", kinds: ["backend-garbled", "wrong-credentials"] },
      { title: "one line without end", text: "x".repeat(1000), kinds: ["line-too-long", "backend-garbled"] },
    ],
  },
);
for (const { title, run } of cases) {
  test(title, async (t) => {
    await t.notThrowsAsync(run());
  });
}
