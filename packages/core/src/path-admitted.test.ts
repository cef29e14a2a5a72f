// The path of an application that is let in without a login: what it said goes to the backend first, and nobody's guesses are
// counted or forgotten for it.

import test, { type ExecutionContext } from "ava";
import { Secret, type AdmittedCredentials, type FailureKind } from "@postern/contracts";
import { relayed, testAuthenticator } from "@postern/testing";
import { lineProtocol } from "../test/line-protocol.ts";
import { allOver, backend, client, gateway } from "../test/scene.ts";

const PRINTERS: AdmittedCredentials = {
  kind: "admitted",
  mechanism: "ADMITTED",
  authcid: "printers",
  authzid: "",
  secret: new Secret(""),
  backend: "mbx1",
  why: "address 127.0.0.1",
  opening: "SEND this\r\n",
};

/** Every line that a client says before it is in is an attempt; nothing is said when it is. */
const admitting = lineProtocol({
  async converse(dialogue) {
    await dialogue.readLine();
    return { credentials: PRINTERS, tag: "" };
  },
  accept() {},
}).protocol;

const guard = (t: ExecutionContext) => ({
  delayBefore: () => (t.fail(), 0),
  failed: () => (t.fail(), 0),
  succeeded: () => t.fail(),
});

const known = testAuthenticator({ check: ({ authcid }) => Promise.resolve({ user: authcid, proven: true }) });

test("path: what an application has said goes to the backend first, then what it said together with that", async (t) => {
  const mailbox = await backend(t, "OK in");
  const harness = gateway(t, { protocol: admitting, legs: [mailbox.leg], house: { authenticator: known, guard: guard(t) } });
  const { say, hear, peer } = await client(t, harness, null);
  say("SEND this\r\nand that");
  // The backend echoes.
  t.is(await hear(), "SEND this");
  t.is(await hear(), "and that");
  peer.end();
  await allOver(t, harness);
  const [end] = harness.ended;
  t.is(end?.session.identity?.user, "printers");
  t.true(harness.logger.text().includes("application let in"));
  t.regex(harness.logger.text(), /printers[^]*address 127\.0\.0\.1[^]*mbx1/);
  t.false(
    harness.trace.some((line) => line.includes("SEND this")),
    harness.trace.join("\n"),
  );
});

for (const kind of ["wrong-credentials", "not-authorized", "credentials-expired"] as const satisfies readonly FailureKind[]) {
  test(`path: ${kind} at the gateway's own account is no fault of an application`, async (t) => {
    const mailbox = await backend(t, `NO ${kind}`);
    const harness = gateway(t, {
      protocol: admitting,
      legs: [mailbox.leg],
      house: {
        authenticator: known,
        guard: guard(t),
        loginAt: () => ({
          ...relayed,
          strategy: "master",
          present: () => Promise.resolve({ ...PRINTERS, kind: "password", authcid: "gate" }),
        }),
      },
    });
    const { say, hear, peer } = await client(t, harness, null);
    say("SEND this");
    t.is(await hear(), "NO backend-unavailable");
    peer.end();
    await allOver(t, harness);
  });
}
