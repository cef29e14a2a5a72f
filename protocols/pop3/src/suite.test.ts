// The suite of every line protocol, for POP3.

import test from "ava";
import * as fc from "fast-check";
import { Registry, serve } from "@postern/core";
import { handsOver, protocolSuite, type ProtocolCase } from "@postern/testing";
import { pop3 } from "./index.ts";

const CORE = { Registry, serve };
const POP3: ProtocolCase = {
  protocol: pop3,
  greeting: /^\+OK /,
  line: /^(?:\+OK|-ERR|\+)(?: [^\r\n\0]*)?$/,
  login: (user, password) => `USER ${user}\r\nPASS ${password}\r\n`,
  halfLogin: "AUTH PLAIN\r\n",
  before: 1,
  yes: /^\+OK in$/,
  no: /^-ERR \[[A-Z/]+\] /,
  farewell: /^-ERR /,
  backendGreeting: "+OK ready\r\n",
  backendSays(line, password) {
    if (line.startsWith("USER")) return "+OK\r\n";
    return line.includes(password) ? "+OK in\r\n" : "-ERR [AUTH] no\r\n";
  },
};

for (const { title, run } of protocolSuite(CORE, POP3)) {
  test(title, async (t) => {
    await t.notThrowsAsync(run());
  });
}

const parts = fc.array(
  fc.uint8Array({ minLength: 1, maxLength: 3000 }).map((bytes) => Buffer.from(bytes)),
  { maxLength: 6 },
);

test("pop3: no byte is lost or doubled at the handover, however a client and a backend pipeline", async (t) => {
  await fc.assert(
    fc.asyncProperty(parts, parts, (up, down) => handsOver(CORE, POP3, up, down)),
    { numRuns: 30 },
  );
  t.pass();
});
