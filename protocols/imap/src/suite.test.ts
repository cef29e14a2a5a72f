// The suite of every line protocol, for IMAP.

import test from "ava";
import * as fc from "fast-check";
import { Registry, serve } from "@postern/core";
import { handsOver, protocolSuite, type ProtocolCase } from "@postern/testing";
import { imap } from "./index.ts";

const CORE = { Registry, serve };
const IMAP: ProtocolCase = {
  protocol: imap,
  greeting: /^\* OK \[CAPABILITY IMAP4rev1 [^\]]+\] /,
  line: /^(?:\* (?:OK|BAD|BYE|CAPABILITY|ID)|[a-z][0-9]? (?:OK|NO|BAD)|\+) [^\r\n\0]*$/,
  login: (user, password) => `a LOGIN ${user} ${password}\r\n`,
  halfLogin: "a AUTHENTICATE PLAIN\r\n",
  before: 0,
  yes: /^[aL] OK \[CAPABILITY /,
  no: /^a NO \[[A-Z]+\] /,
  farewell: /^\* BYE /,
  backendGreeting: "* OK [CAPABILITY IMAP4rev1] ready\r\n",
  backendSays: (line, password) =>
    line.includes(password) ? "L OK [CAPABILITY IMAP4rev1 IDLE] in\r\n" : "L NO [AUTHENTICATIONFAILED] no\r\n",
};

for (const { title, run } of protocolSuite(CORE, IMAP)) {
  test(title, async (t) => {
    await t.notThrowsAsync(run());
  });
}

const parts = fc.array(
  fc.uint8Array({ minLength: 1, maxLength: 3000 }).map((bytes) => Buffer.from(bytes)),
  { maxLength: 6 },
);

test("imap: no byte is lost or doubled at the handover, however a client and a backend pipeline", async (t) => {
  await fc.assert(
    fc.asyncProperty(parts, parts, (up, down) => handsOver(CORE, IMAP, up, down)),
    { numRuns: 30 },
  );
  t.pass();
});
