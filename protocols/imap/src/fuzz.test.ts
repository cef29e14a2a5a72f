// Fuzzers: whatever a client or a mailbox server says before login, nothing crashes, hangs or is left.

import test from "ava";
import * as fc from "fast-check";
import { Registry, serve } from "@postern/core";
import { fuzzBack, fuzzFront, mistakesIn, pieces, script, someCredentials } from "@postern/testing";
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

const slip = fc.record({
  line: fc.nat(),
  slip: fc.nat({ max: 12 }),
  at: fc.nat(),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 12 }),
});
const slips = fc.array(slip, { maxLength: 14 });
const cuts = fc.array(fc.nat(), { maxLength: 6 });
const noise = fc.array(
  fc.uint8Array({ minLength: 1, maxLength: 3000 }).map((bytes) => Buffer.from(bytes)),
  { maxLength: 4 },
);

/** What the front says are whole lines of IMAP. */
const SAID = /^(?:(?:\*|\+|[^\s*+]{1,128}) [^\r\n\0]*\r\n)*$/;

test("imap fuzz: a client that says almost the right things gets whole lines and an end", async (t) => {
  await fc.assert(
    fc.asyncProperty(slips, cuts, async (script_, at) => {
      const said = await fuzzFront({ Registry, serve }, imap, pieces(script(CLIENT, script_), at));
      // Inside TLS there are no lines to be read.
      if (!said.includes("Begin TLS")) t.regex(said, SAID);
    }),
    { numRuns: 400 },
  );
});

test("imap fuzz: a client that says anything at all gets whole lines and an end", async (t) => {
  await fc.assert(
    fc.asyncProperty(noise, async (parts) => t.regex(await fuzzFront({ Registry, serve }, imap, parts), SAID)),
    { numRuns: 150 },
  );
});

test("imap fuzz: a mailbox server that slips in a login ends it in a welcome or a failure", async (t) => {
  const outcomes = new Set<string>();
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...LOGINS),
      fc.array(slip, { maxLength: 3 }),
      cuts,
      fc.boolean(),
      async (login, mistakes, at, token) => {
        const kind = await fuzzBack(imap, pieces(mistakesIn(login, mistakes), at), "none", someCredentials(token));
        outcomes.add(kind ?? "in");
      },
    ),
    { numRuns: 500 },
  );
  // The fuzzer reaches the end of logins, not only their beginning.
  for (const outcome of ["in", "wrong-credentials", "backend-garbled", "backend-lost"]) t.true(outcomes.has(outcome), outcome);
});

for (const tls of ["none", "starttls"] as const) {
  test(`imap fuzz: a mailbox server (${tls}) that says almost the right things ends in a welcome or a failure`, async (t) => {
    await fc.assert(
      fc.asyncProperty(slips, cuts, fc.boolean(), async (script_, at, token) => {
        await fuzzBack(imap, pieces(script(SERVER, script_), at), tls, someCredentials(token));
      }),
      { numRuns: 300 },
    );
    t.pass();
  });
}

test("imap fuzz: a mailbox server that says anything at all ends in a failure", async (t) => {
  await fc.assert(
    fc.asyncProperty(noise, async (parts) => {
      t.not(await fuzzBack(imap, parts, "none", someCredentials(false)), undefined);
    }),
    { numRuns: 150 },
  );
});

for (const [title, line] of [
  ["lines without end", "* OK still here\r\n"],
  ["capabilities without end", "* CAPABILITY IMAP4rev1\r\n"],
  ["literals without end", "* X {3}\r\nabc"],
  ["continuations without end", "+ \r\n"],
  ["one line without end", "* OK " + "x".repeat(1000)],
] as const) {
  test(`imap fuzz: a mailbox server that sends ${title} is given up`, async (t) => {
    const parts = [Buffer.from("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] hi\r\n"), Buffer.from(line.repeat(2000))];
    const kind = await fuzzBack(imap, parts, "none", someCredentials(false));
    t.true(["backend-garbled", "line-too-long"].includes(kind ?? ""), kind);
  });
}
