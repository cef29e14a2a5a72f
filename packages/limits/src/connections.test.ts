import test from "ava";
import { Failure, type FailureKind, type SharedPlaces } from "@postern/contracts";
import { createConnectionLimits } from "./connections.ts";
import { CONNECTIONS } from "./test/helpers.ts";

/** A shared state in a map; the real ones have their own tests in packages/state. */
function mapState(): SharedPlaces & { readonly counts: Map<string, number> } {
  const counts = new Map<string, number>();
  return {
    counts,
    async take(key, limit) {
      const taken = counts.get(key) ?? 0;
      if (taken < limit) counts.set(key, taken + 1);
      return taken < limit;
    },
    give: (key) => void counts.set(key, (counts.get(key) ?? 0) - 1),
    count: async (key) => counts.get(key) ?? 0,
  };
}

async function refusal(work: Promise<unknown>): Promise<FailureKind | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error.kind;
    throw error;
  }
}

test("connection limits: refuse above the total, whoever it is", async (t) => {
  const limits = createConnectionLimits({ ...CONNECTIONS, total: 2 }, mapState());
  await limits.connection("192.0.2.1");
  await limits.connection("192.0.2.2");
  t.is(await refusal(limits.connection("192.0.2.3")), "too-many-connections");
});

test("connection limits: an IPv6 /64 and an IPv4-mapped address count as one address", async (t) => {
  const limits = createConnectionLimits({ ...CONNECTIONS, perAddress: 1 }, mapState());
  await limits.connection("2001:db8::1");
  t.is(await refusal(limits.connection("2001:db8::2")), "too-many-from-address");
  await limits.connection("2001:db8:0:1::1");
  await limits.connection("192.0.2.1");
  t.is(await refusal(limits.connection("::ffff:192.0.2.1")), "too-many-from-address");
});

test("connection limits: a place is given back once, however often it is released", async (t) => {
  const state = mapState();
  const limits = createConnectionLimits({ ...CONNECTIONS, perAddress: 1 }, state);
  const place = await limits.connection("192.0.2.1");
  place.release();
  place.release();
  t.deepEqual([...state.counts.values()], [0, 0]);
  await limits.connection("192.0.2.1");
  t.is(await refusal(limits.connection("192.0.2.1")), "too-many-from-address");
});

test("connection limits: a refused connection holds no place", async (t) => {
  const state = mapState();
  const limits = createConnectionLimits({ ...CONNECTIONS, total: 1 }, state);
  await limits.connection("192.0.2.1");
  t.is(await refusal(limits.connection("192.0.2.2")), "too-many-connections");
  t.is(state.counts.get("address:192.0.2.2"), 0);
  t.is(state.counts.get("connections"), 1);
});

test("connection limits: a state that fails leaves no place behind", async (t) => {
  const state = mapState();
  const broken: SharedPlaces = {
    ...state,
    take: (key, limit) => (key === "connections" ? Promise.reject(new Error("lost")) : state.take(key, limit)),
  };
  await t.throwsAsync(createConnectionLimits(CONNECTIONS, broken).connection("192.0.2.1"), { message: "lost" });
  t.is(state.counts.get("address:192.0.2.1"), 0);
});

test("connection limits: exempt networks and unix sockets are counted in the total only", async (t) => {
  const exempt = [{ address: "10.0.0.0", prefix: 8, family: "ipv4" as const }];
  const limits = createConnectionLimits({ ...CONNECTIONS, total: 4, perAddress: 1, exempt }, mapState());
  await limits.connection("10.0.0.1");
  await limits.connection("10.0.0.1");
  await limits.connection("");
  await limits.connection("");
  t.is(await refusal(limits.connection("10.0.0.1")), "too-many-connections");
});

test("connection limits: each user has a limit of their own, wherever they come from", async (t) => {
  const limits = createConnectionLimits({ ...CONNECTIONS, perUser: 1 }, mapState());
  const place = await limits.user("alice@example.com");
  await limits.user("bob@example.com");
  t.is(await refusal(limits.user("alice@example.com")), "too-many-of-user");
  place.release();
  t.is(await refusal(limits.user("alice@example.com")), undefined);
});

test("connection limits: a limit of 0 is no limit", async (t) => {
  const state = mapState();
  const limits = createConnectionLimits({ total: 0, perAddress: 0, perUser: 0, exempt: [] }, state);
  for (let n = 0; n < 50; n += 1) {
    await limits.connection("192.0.2.1");
    await limits.user("alice@example.com");
  }
  t.is(state.counts.size, 0);
});
