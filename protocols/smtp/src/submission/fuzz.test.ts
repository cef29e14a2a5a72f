// Fuzzers: whatever a client or a submission server says before login, nothing crashes, hangs or is left.

import test from "ava";
import * as fc from "fast-check";
import { Registry, serve } from "@postern/core";
import { fuzzSuite } from "@postern/testing";
import { submission } from "./submission.ts";

const CLIENT = [
  "EHLO me.example.net",
  "HELO me",
  "NOOP",
  "RSET",
  "HELP",
  "VRFY alice",
  "AUTH PLAIN AGFsaWNlAHMzY3JldA==",
  "AUTH PLAIN",
  "AUTH LOGIN",
  "AUTH",
  "YWxpY2U=",
  "czNjcmV0",
  "*",
  "MAIL FROM:<alice@example.com> SIZE=1 BODY=8BITMIME",
  "RCPT TO:<bob@example.com>",
  "DATA",
  ".",
  "BDAT 40 LAST",
  "BDAT 99999",
  "STARTTLS",
  "XCLIENT ADDR=192.0.2.7 PORT=1 TTL=3",
  "XCLIENT LOGIN=bob ADDR=IPV6:2001:db8::1",
  "QUIT",
  "PROXY TCP4 1.2.3.4 1.2.3.4 1 2",
  "GET / HTTP/1.1",
  "",
];

const SERVER = [
  "220 ready",
  "220-ready",
  "250-mx",
  "250 AUTH PLAIN XOAUTH2",
  "250-XCLIENT ADDR PORT LOGIN TTL",
  "250 STARTTLS",
  "235 2.7.0 in",
  "334 ",
  "334 eyJzdGF0dXMiOiI0MDAifQ==",
  "535 5.7.8 no",
  "454 4.7.0 later",
  "421 bye",
  "550 closed",
  "250",
  "999 what",
  "",
];

/** Logins that would succeed, or fail in order. */
const LOGINS = [
  ["220 ready", "250-mx", "250 AUTH PLAIN XOAUTH2", "235 2.7.0 in"],
  ["220 ready", "250-mx", "250-XCLIENT ADDR", "250 AUTH PLAIN XOAUTH2", "220 again", "250 AUTH PLAIN", "250-mx", "235 in"],
  ["220-hi", "220 ready", "250-mx", "250-XCLIENT TTL", "250 AUTH PLAIN XOAUTH2", "550 no", "454 4.7.0 later"],
  ["220 ready", "250-mx", "250 AUTH XOAUTH2 PLAIN", "334 eyJzdGF0dXMiOiI0MDAifQ==", "535 5.7.8 no"],
];

/** What the front says are whole lines, each with a code; never a yes to a message or a login. */
const TOLD = /^(?:(?!235|354)[2-5]\d\d[ -][^\r\n\0]*\r\n)*$/;

const cases = fuzzSuite(
  fc,
  { Registry, serve },
  {
    protocol: submission,
    client: CLIENT,
    told: TOLD,
    server: SERVER,
    logins: LOGINS,
    floodBegins: "220 hi\r\n",
    floods: [
      { title: "a list without end", text: "250-X\r\n", kinds: ["backend-garbled"] },
      { title: "one line without end", text: "x".repeat(1000), kinds: ["line-too-long", "backend-garbled"] },
    ],
  },
);
for (const { title, run } of cases) {
  test(title, async (t) => {
    await t.notThrowsAsync(run());
  });
}
