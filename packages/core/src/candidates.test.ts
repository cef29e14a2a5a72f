import test from "ava";
import { Failure, type FailureKind, type Health, type Leg } from "@postern/contracts";
import { createMemoryLogger, testLeg, testSession } from "@postern/testing";
import { firstThere } from "./candidates.ts";

const legs = ["mbx1", "mbx2", "mbx3"].map((backend) => testLeg(1, { backend }));

function scene(): {
  health: Health;
  heard: string[];
  logger: ReturnType<typeof createMemoryLogger>;
  session: ReturnType<typeof testSession>;
} {
  const heard: string[] = [];
  const health: Health = {
    facts: () => ({ state: "unknown", since: 0, evidence: "" }),
    order: (given) => given.toReversed(),
    succeeded: ({ backend }) => heard.push(`${backend} there`),
    failed: ({ backend }, reason, client) => heard.push(`${backend} ${reason} ${client}`),
  };
  return { health, heard, logger: createMemoryLogger(), session: testSession() };
}

const failing =
  (kinds: Readonly<Record<string, FailureKind>>) =>
  ({ backend }: Leg): Promise<string> => {
    const kind = kinds[backend];
    return kind === undefined ? Promise.resolve(backend) : Promise.reject(new Failure(kind, "no"));
  };

test("candidates: the first that is there is taken, in the order of health, and each outcome is evidence", async (t) => {
  const parts = scene();
  t.is(await firstThere(legs, failing({ mbx3: "backend-unreachable" }), parts), "mbx2");
  t.deepEqual(parts.heard, ["mbx3 no 192.0.2.7", "mbx2 there"]);
  t.deepEqual(parts.logger.messages("warn"), ["backend failed"]);
});

test("candidates: a failure that allows no other ends it, and is no evidence", async (t) => {
  const parts = scene();
  const failure = await t.throwsAsync(firstThere(legs, failing({ mbx3: "client-gone" }), parts), { instanceOf: Failure });
  t.is(failure.kind, "client-gone");
  t.deepEqual(parts.heard, []);
});

test("candidates: where none is there the last failure is told, and without any there is no candidate", async (t) => {
  const down = { mbx1: "backend-lost", mbx2: "backend-unreachable", mbx3: "backend-unreachable" } as const;
  const last = await t.throwsAsync(firstThere(legs, failing(down), scene()), { instanceOf: Failure });
  t.is(last.kind, "backend-lost");
  const none = await t.throwsAsync(firstThere([], failing({}), scene()), { instanceOf: Failure });
  t.is(none.kind, "no-candidate");
});
