// The suite of every line protocol, for submission.

import test from "ava";
import * as fc from "fast-check";
import { Registry, serve } from "@postern/core";
import { handsOver, protocolSuite, type ProtocolCase } from "@postern/testing";
import { submission } from "./submission.ts";

const CORE = { Registry, serve };
const plain = (user: string, password: string): string => Buffer.from(`\0${user}\0${password}`).toString("base64");

const SUBMISSION: ProtocolCase = {
  protocol: submission,
  greeting: /^220 /,
  line: /^\d{3}[ -][^\r\n\0]*$/,
  login: (user, password) => `HELO ${user}.example.net\r\nAUTH PLAIN ${plain(user, password)}\r\n`,
  halfLogin: "HELO alice.example.net\r\nAUTH PLAIN\r\n",
  beforeChallenge: 1,
  before: 1,
  yes: /^235 2\.7\.0 /,
  no: /^[45]\d\d [45]\.\d+\.\d+ /,
  farewell: /^(?:421|500) [45]\.\d+\.\d+ /,
  backendGreeting: "220 ready\r\n",
  backendSays(line, password) {
    if (line.startsWith("EHLO")) return "250-mx\r\n250 AUTH PLAIN\r\n";
    return line === `AUTH PLAIN ${plain("alice", password)}` ? "235 2.7.0 in\r\n" : "535 5.7.8 no\r\n";
  },
};

for (const { title, run } of protocolSuite(CORE, SUBMISSION)) {
  test(title, async (t) => {
    await t.notThrowsAsync(run());
  });
}

const parts = fc.array(
  fc.uint8Array({ minLength: 1, maxLength: 3000 }).map((bytes) => Buffer.from(bytes)),
  { maxLength: 6 },
);

test("submission: no byte is lost or doubled at the handover, however a client and a backend pipeline", async (t) => {
  await fc.assert(
    fc.asyncProperty(parts, parts, (up, down) => handsOver(CORE, SUBMISSION, up, down)),
    { numRuns: 30 },
  );
  t.pass();
});
