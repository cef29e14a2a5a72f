import test from "ava";
import { testSession } from "@postern/testing";
import { rpcLeg } from "../test/scene.ts";
import { createArrays } from "./arrays.ts";

const legs = new Map(["a", "b", "c"].map((name) => [name, rpcLeg(135, name)]));
const rank = (backend: string, client: string): number => (client.endsWith("1") ? backend.charCodeAt(0) : -backend.charCodeAt(0));

const names = (arrays: Parameters<typeof createArrays>[0], local: string, client = "192.0.2.2"): string | undefined =>
  createArrays(
    arrays,
    legs,
    rank,
  )(testSession({ local: { host: local, port: 135 }, client: { host: client, port: 1 } }))
    ?.map(({ backend }) => backend)
    .join("");

test("arrays: without any, all backends serve all clients, in the order of the client's address", (t) => {
  t.is(names({}, "192.0.2.1"), "abc");
  t.is(names({}, "192.0.2.1", "192.0.2.1"), "cba");
});

test("arrays: the address that the client has dialled chooses, in any spelling", (t) => {
  const arrays = {
    zurich: { addresses: ["192.0.2.10", "2001:DB8::10"], backends: ["a", "b"] },
    bern: { addresses: ["192.0.2.11"], backends: ["c"] },
  };
  t.is(names(arrays, "192.0.2.10"), "ab");
  t.is(names(arrays, "::ffff:192.0.2.10"), "ab");
  t.is(names(arrays, "2001:db8:0::10"), "ab");
  t.is(names(arrays, "192.0.2.11"), "c");
});

test("arrays: a client of another address gets the array without addresses, or nothing", (t) => {
  const zurich = { addresses: ["192.0.2.10"], backends: ["a"] };
  t.is(names({ zurich }, "192.0.2.12"), undefined);
  t.is(names({ zurich, rest: { addresses: [], backends: ["b", "c"] } }, "192.0.2.12"), "bc");
});

test("arrays: all addresses of an IPv6 /64 are one client", (t) => {
  const seen: string[] = [];
  const find = createArrays({}, legs, (_, client) => seen.push(client));
  for (const host of ["2001:db8::1", "2001:db8::ffff:2"]) find(testSession({ client: { host, port: 1 } }));
  t.deepEqual([...new Set(seen)], ["2001:db8:0:0::/64"]);
});
