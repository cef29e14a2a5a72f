// Fuzzers: whatever a client or a mailbox server says before login, nothing crashes, hangs or is left.

import test from "ava";
import * as fc from "fast-check";
import { Registry, serve } from "@postern/core";
import { fuzzSuite } from "@postern/testing";
import { imap } from "./index.ts";

const CLIENT = [
  "a CAPABILITY",
  "b NOOP",
  'c ID ("name" "x" "x-proxy-ttl" "3")',
  "d ID NIL",
  "e LOGIN alice s3cret",
  'f LOGIN "al\\"ice" {6+}',
  "s3cret",
  "g LOGIN {5}",
  "alice {6}",
  "h AUTHENTICATE PLAIN AGFsaWNlAHMzY3JldA==",
  "i AUTHENTICATE LOGIN",
  "YWxpY2U=",
  "czNjcmV0",
  "*",
  "j SELECT INBOX",
  "k UID FETCH 1:* (FLAGS BODY[])",
  "l STARTTLS",
  "m LOGIN {1001}",
  "n LOGIN {4097+}",
  "o LOGIN {99999999999}",
  "p LOGOUT",
  "PROXY TCP4 1.2.3.4 1.2.3.4 1 2",
  "GET / HTTP/1.1",
  "",
];

const SERVER = [
  "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN ID LITERAL+] ready",
  "* OK ready",
  "* CAPABILITY IMAP4rev1 AUTH=PLAIN STARTTLS",
  "C OK done",
  "I OK done",
  '* ID ("name" {7}',
  "Dovecot)",
  "* ID {70000}",
  "+ go on",
  "+",
  "+ eyJzdGF0dXMiOiI0MDAifQ==",
  "L OK [CAPABILITY IMAP4rev1 IDLE] in",
  "L OK in",
  "L NO [AUTHENTICATIONFAILED] no",
  "L NO [UNAVAILABLE",
  "L BAD what",
  "S OK begin",
  "* BYE",
  "* PREAUTH hi",
  "-ERR",
];

/** Logins that would succeed, or fail in order. */
const LOGINS = [
  [
    "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=XOAUTH2 ID] ready",
    "* ID NIL",
    "I OK done",
    "L OK [CAPABILITY IMAP4rev1] in",
  ],
  [
    "* OK ready",
    "* CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2",
    "C OK done",
    "+ ",
    "L OK in",
    "* CAPABILITY IMAP4rev1",
    "C OK done",
  ],
  ["* OK [CAPABILITY IMAP4rev1 LITERAL+] ready", "* OK [ALERT] hi", "* CAPABILITY IMAP4rev1 IDLE", "L OK in"],
  ["* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] ready", "+ eyJzdGF0dXMiOiI0MDAifQ==", "L NO [AUTHENTICATIONFAILED] no"],
  ["* OK [CAPABILITY IMAP4rev1] ready", '* ID ("name" {7}', "Dovecot)", "L NO [UNAVAILABLE] not now"],
];

/** What the front says are whole lines of IMAP. */
const TOLD = /^(?:(?:\*|\+|[^\s*+]{1,128}) [^\r\n\0]*\r\n)*$/;

const GIVEN_UP = ["backend-garbled", "line-too-long"] as const;

const cases = fuzzSuite(
  fc,
  { Registry, serve },
  {
    protocol: imap,
    client: CLIENT,
    told: TOLD,
    server: SERVER,
    logins: LOGINS,
    floodBegins: "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n",
    floods: [
      { title: "lines without end", text: "* OK still here\r\n", kinds: GIVEN_UP },
      { title: "capabilities without end", text: "* CAPABILITY IMAP4rev1\r\n", kinds: GIVEN_UP },
      { title: "literals without end", text: "* X {3}\r\nabc", kinds: GIVEN_UP },
      { title: "continuations without end", text: "+ \r\n", kinds: GIVEN_UP },
      { title: "one line without end", text: "* OK " + "x".repeat(1000), kinds: GIVEN_UP },
    ],
  },
);
for (const { title, run } of cases) {
  test(title, async (t) => {
    await t.notThrowsAsync(run());
  });
}
