// Fuzzers: whatever a client or a mailbox server says before login, nothing crashes, hangs or is left.

import test from "ava";
import * as fc from "fast-check";
import { Registry, serve } from "@postern/core";
import { fuzzBack, fuzzFront, mistakesIn, pieces, script, someCredentials } from "@postern/testing";
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

/** What the front says are whole lines: answers, challenges, and lists with their dot. */
const SAID = /^(?:(?:\+OK|-ERR|\+|\.|[A-Z][A-Z0-9-]*)(?: [^\r\n\0]*)?\r\n)*$/;

test("pop3 fuzz: a client that says almost the right things gets whole lines and an end", async (t) => {
  await fc.assert(
    fc.asyncProperty(slips, cuts, async (script_, at) => {
      const said = await fuzzFront({ Registry, serve }, pop3, pieces(script(CLIENT, script_), at));
      // Inside TLS there are no lines to be read.
      if (!said.includes("Begin TLS")) t.regex(said, SAID);
    }),
    { numRuns: 400 },
  );
});

test("pop3 fuzz: a client that says anything at all gets whole lines and an end", async (t) => {
  await fc.assert(
    fc.asyncProperty(noise, async (parts) => t.regex(await fuzzFront({ Registry, serve }, pop3, parts), SAID)),
    { numRuns: 150 },
  );
});

test("pop3 fuzz: a mailbox server that slips in a login ends it in a welcome or a failure", async (t) => {
  const outcomes = new Set<string>();
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...LOGINS),
      fc.array(slip, { maxLength: 3 }),
      cuts,
      fc.boolean(),
      async (login, mistakes, at, token) => {
        const kind = await fuzzBack(pop3, pieces(mistakesIn(login, mistakes), at), "none", someCredentials(token));
        outcomes.add(kind ?? "in");
      },
    ),
    { numRuns: 500 },
  );
  // The fuzzer reaches the end of logins, not only their beginning.
  for (const outcome of ["in", "wrong-credentials", "backend-garbled", "backend-lost"]) t.true(outcomes.has(outcome), outcome);
});

for (const tls of ["none", "starttls"] as const) {
  test(`pop3 fuzz: a mailbox server (${tls}) that says almost the right things ends in a welcome or a failure`, async (t) => {
    await fc.assert(
      fc.asyncProperty(slips, cuts, fc.boolean(), async (script_, at, token) => {
        await fuzzBack(pop3, pieces(script(SERVER, script_), at), tls, someCredentials(token));
      }),
      { numRuns: 300 },
    );
    t.pass();
  });
}

test("pop3 fuzz: a mailbox server that says anything at all ends in a failure", async (t) => {
  await fc.assert(
    fc.asyncProperty(noise, async (parts) => {
      t.not(await fuzzBack(pop3, parts, "none", someCredentials(false)), undefined);
    }),
    { numRuns: 150 },
  );
});

for (const [title, line, kinds] of [
  ["a list without end", "X\r\n", ["backend-garbled"]],
  ["challenges without end", ".\r\n+ \r\n", ["backend-garbled", "wrong-credentials"]],
  ["one line without end", "x".repeat(1000), ["line-too-long", "backend-garbled"]],
] as const) {
  test(`pop3 fuzz: a mailbox server that sends ${title} is given up`, async (t) => {
    const parts = [Buffer.from("+OK ready\r\n+OK\r\nSASL PLAIN\r\n"), Buffer.from(line.repeat(2000))];
    const kind = await fuzzBack(pop3, parts, "none", someCredentials(false));
    t.true(
      kinds.some((one) => one === kind),
      kind,
    );
  });
}
