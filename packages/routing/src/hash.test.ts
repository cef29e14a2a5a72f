import test from "ava";
import { testQuery } from "@postern/testing";
import * as fc from "fast-check";
import { hashSource, rendezvousHash } from "./hash.ts";
import { routeSourceSuite } from "./suite.ts";

async function order(backends: readonly string[], user: string, weights?: Record<string, number>): Promise<string[]> {
  const answer = await hashSource(backends, weights).find(testQuery(user));
  return (answer?.candidates ?? []).map((c) => ("backend" in c ? c.backend : c.host));
}

async function firsts(backends: readonly string[], count: number, weights?: Record<string, number>): Promise<string[]> {
  const source = hashSource(backends, weights);
  const answers = await Promise.all(Array.from({ length: count }, (_, i) => source.find(testQuery(`user${i}@example.com`))));
  return answers.map((answer) => JSON.stringify(answer?.candidates[0]));
}

const shares = (values: readonly string[]): number[] => [...Map.groupBy(values, (v) => v).values()].map((v) => v.length);

// The same as a second implementation, in another language, computes.
const VECTORS = {
  alice1: 4263324674,
  alice2: 2762743565,
  jorg1: 2315415898,
  empty: 91794203,
  aliceOrder: ["mbx1", "mbx3", "mbx2"],
  bobOrder: ["mbx2", "mbx3", "mbx1"],
  carolWeighted: ["mbx3", "mbx1", "mbx2"],
};

routeSourceSuite(test, async () => {
  const backends = ["mbx1", "mbx2", "mbx3"];
  const users = ["alice@example.com", "bob@example.com", "carol@example.com"];
  const homes = await Promise.all(
    users.map(async (user) => [user, (await order(backends, user)).map((backend) => ({ backend }))]),
  );
  return {
    source: hashSource(backends),
    homes: Object.fromEntries(homes),
    stranger: undefined,
    stop: () => Promise.resolve(),
  };
});

test("hash source: is stable: these vectors never change, or users move", async (t) => {
  t.is(rendezvousHash("mbx1", "alice@example.com"), VECTORS.alice1);
  t.is(rendezvousHash("mbx2", "alice@example.com"), VECTORS.alice2);
  t.is(rendezvousHash("mbx1", "jörg@example.com"), VECTORS.jorg1);
  t.is(rendezvousHash("", ""), VECTORS.empty);
  t.deepEqual(await order(["mbx1", "mbx2", "mbx3"], "alice@example.com"), VECTORS.aliceOrder);
  t.deepEqual(await order(["mbx1", "mbx2", "mbx3"], "bob@example.com"), VECTORS.bobOrder);
  t.deepEqual(await order(["mbx1", "mbx2", "mbx3"], "carol@example.com", { mbx3: 5 }), VECTORS.carolWeighted);
});

test("hash source: lists all backends, in an order that does not depend on the order of the settings", async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 8 }),
      fc.string({ minLength: 1 }),
      async (backends, user) => {
        const one = await order(backends, user);
        const two = await order(backends.toReversed(), user);
        return JSON.stringify(one) === JSON.stringify(two) && one.length === backends.length;
      },
    ),
    { numRuns: 200 },
  );
  t.pass();
});

test("hash source: spreads users evenly, first and second choices alike", async (t) => {
  const backends = ["mbx1", "mbx2", "mbx3", "mbx4", "mbx5", "mbx6", "mbx7", "mbx8"];
  const counts = shares(await firsts(backends, 80_000));
  t.is(counts.length, 8);
  for (const count of counts) t.true(Math.abs(count - 10_000) < 500, String(counts));

  const source = hashSource(backends);
  const answers = await Promise.all(Array.from({ length: 80_000 }, (_, i) => source.find(testQuery(`user${i}@example.com`))));
  const pairs = shares(answers.map((a) => JSON.stringify(a?.candidates.slice(0, 2))));
  t.is(pairs.length, 56);
  for (const count of pairs) t.true(Math.abs(count - 80_000 / 56) < 250, String(pairs));
});

test("hash source: adding a backend moves only the users that it gains", async (t) => {
  const before = await firsts(["mbx1", "mbx2", "mbx3", "mbx4"], 20_000);
  const after = await firsts(["mbx1", "mbx2", "mbx3", "mbx4", "mbx5"], 20_000);
  const moved = after.filter((home, i) => home !== before[i]);
  t.true(moved.every((home) => home === '{"backend":"mbx5"}'));
  t.true(Math.abs(moved.length - 4000) < 400, String(moved.length));
});

test("hash source: removing a backend moves its users to their second choice, and nobody else", async (t) => {
  const all = ["mbx1", "mbx2", "mbx3", "mbx4"];
  for (let i = 0; i < 500; i += 1) {
    const user = `user${i}@example.com`;
    const before = await order(all, user);
    const after = await order(["mbx1", "mbx2", "mbx3"], user);
    t.deepEqual(
      after,
      before.filter((backend) => backend !== "mbx4"),
    );
  }
});

test("hash source: weights give each backend its share, and 0 only what nobody else takes", async (t) => {
  const homes = await firsts(["big", "small", "none"], 40_000, { big: 3, none: 0 });
  const big = homes.filter((home) => home.includes("big")).length;
  t.true(Math.abs(big - 30_000) < 800, String(big));
  t.false(homes.some((home) => home.includes("none")));
  t.is((await order(["big", "small", "none"], "alice", { none: 0 }))[2], "none");
});

test("hash source: raising a weight moves users only to that backend", async (t) => {
  const before = await firsts(["a", "b", "c"], 10_000);
  const after = await firsts(["a", "b", "c"], 10_000, { b: 2 });
  t.true(after.every((home, i) => home === before[i] || home === '{"backend":"b"}'));
});

test("hash source: refuses settings that contradict themselves", (t) => {
  t.throws(() => hashSource([]), { message: /at least one/ });
  t.throws(() => hashSource(["a", "a"]), { message: /only once/ });
  t.throws(() => hashSource(["a"], { b: 2 }), { message: /"b" is not among/ });
});
