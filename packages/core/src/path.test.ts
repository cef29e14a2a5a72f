import test from "ava";
import { FAILURES, type FailureKind } from "@postern/contracts";
import { createFakeClock, refuseSecrets } from "@postern/testing";
import { lineProtocol } from "../test/line-protocol.ts";
import { allOver, backend, client, gateway } from "../test/scene.ts";

const KINDS = Object.keys(FAILURES) as FailureKind[];

test("path: a login leads to the backend, and both sides are relayed until they end", async (t) => {
  const mailbox = await backend(t, "OK welcome");
  const harness = gateway(t, { legs: [mailbox.leg] });
  const { say, hear, peer } = await client(t, harness);
  say("LOGIN Alice s3cret");
  t.is(await hear(), "YES welcome");
  say("ping");
  t.is(await hear(), "ping");
  peer.end();
  await peer.closed();
  await allOver(t, harness);
  t.deepEqual(mailbox.heard, ["Alice s3cret"]);
  const [end] = harness.ended;
  t.is(end?.ending, "client-closed");
  t.is(end?.failure, undefined);
  const { identity, backend: name, mechanism, bytesIn, bytesOut, stage, attempts } = end?.session ?? t.fail();
  t.deepEqual(
    [identity?.user, name, mechanism, bytesIn, bytesOut, stage, attempts],
    ["alice@example.com", "mbx1", "PLAIN", 6, 6, "end", 1],
  );
  refuseSecrets(harness, ["s3cret"]);
});

test("path: a client that says goodbye is gone without a dial", async (t) => {
  const mailbox = await backend(t, "OK");
  const harness = gateway(t, { legs: [mailbox.leg] });
  const { say, peer } = await client(t, harness);
  say("QUIT");
  await peer.closed();
  await allOver(t, harness);
  t.is(harness.ended[0]?.ending, "logout");
  t.is(mailbox.sockets.length, 0);
});

for (const kind of KINDS) {
  const { tryNext, mayContinue } = FAILURES[kind];
  test(`path: after ${kind} at a backend the next candidate is ${tryNext ? "tried" : "left alone"}`, async (t) => {
    const [first, second] = [await backend(t, `NO ${kind}`), await backend(t, "OK in", { backend: "mbx2" })];
    const harness = gateway(t, { legs: [first.leg, second.leg] });
    const { say, hear, peer } = await client(t, harness);
    say("LOGIN alice s3cret");
    t.is(await hear(), tryNext ? "YES in" : `NO ${kind}`);
    t.deepEqual(second.heard, tryNext ? ["alice s3cret"] : []);
    if (!tryNext && mayContinue) {
      say("QUIT");
      await peer.closed();
      t.is(harness.ended[0]?.ending, "logout");
    } else if (!tryNext) {
      await peer.closed();
      t.is(harness.ended[0]?.failure?.kind, kind);
    } else {
      peer.end();
    }
    await allOver(t, harness);
  });
}

test("path: when no candidate can be reached the last failure is told, and each is reported to health", async (t) => {
  const reported: string[] = [];
  const [first, second] = [await backend(t, "NO backend-lost"), await backend(t, "NO backend-garbled", { backend: "mbx2" })];
  const harness = gateway(t, {
    legs: [first.leg, second.leg],
    house: {
      health: {
        facts: () => ({ state: "unknown", since: 0, evidence: "" }),
        order: (legs) => legs.toReversed(),
        succeeded: () => {},
        failed: ({ backend: name }, _, from) => void reported.push(`${name} ${from}`),
      },
    },
  });
  const { say, hear, peer } = await client(t, harness);
  say("LOGIN alice s3cret");
  t.is(await hear(), "NO backend-lost");
  t.deepEqual(reported, ["mbx2 127.0.0.1", "mbx1 127.0.0.1"]);
  peer.end();
  await allOver(t, harness);
  t.deepEqual(harness.logger.messages("warn"), ["backend failed", "backend failed"]);
});

test("path: a silent first candidate costs one time-out, then the user is in", async (t) => {
  const clock = createFakeClock();
  const [silent, second] = [await backend(t, undefined), await backend(t, "OK in", { backend: "mbx2" })];
  const harness = gateway(t, { legs: [{ ...silent.leg, dialTimeoutMs: 3000 }, second.leg], house: { clock } });
  const { say, hear, peer } = await client(t, harness);
  say("LOGIN alice s3cret");
  while (silent.sockets.length === 0) await clock.advance(1);
  await clock.advance(3000);
  t.is(await hear(), "YES in");
  peer.end();
  await allOver(t, harness);
});

test("path: a mistake of ours in the front is internal, told, and ends the session", async (t) => {
  const { protocol } = lineProtocol({ converse: () => Promise.reject(new TypeError("undefined is not a function")) });
  const harness = gateway(t, { protocol });
  const { hear, peer } = await client(t, harness, null);
  t.is(await hear(), "NO internal");
  await peer.closed();
  await allOver(t, harness);
  t.is(harness.ended[0]?.failure?.kind, "internal");
});
