import { assert, ipV6, pre, property } from "fast-check";
import test from "ava";
import { addressKey } from "./address-key.ts";
import { networkMatcher, parseNetwork, type Network } from "./networks.ts";

const network = (text: string): Network => {
  const parsed = parseNetwork(text);
  if ("problem" in parsed) throw new Error(parsed.problem);
  return parsed.value;
};

const KEYS: Readonly<Record<string, string>> = {
  "192.0.2.1": "192.0.2.1",
  "::ffff:192.0.2.1": "192.0.2.1",
  "::FFFF:c000:201": "192.0.2.1",
  "0:0:0:0:0:ffff:192.0.2.1": "192.0.2.1",
  "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
  "2001:0DB8:0001:0002::1": "2001:db8:1:2::/64",
  "2001:db8::1": "2001:db8:0:0::/64",
  "fe80::1%eth0": "fe80:0:0:0::/64",
  "::1": "0:0:0:0::/64",
  "64:ff9b::192.0.2.1": "64:ff9b:0:0::/64",
  "": "",
  "not an address": "not an address",
};

for (const [host, key] of Object.entries(KEYS)) {
  test(`address key: ${JSON.stringify(host)} counts as ${JSON.stringify(key)}`, (t) => t.is(addressKey(host), key));
}

test("address key: all addresses of one IPv6 /64 count as one, in every spelling", (t) => {
  assert(
    property(ipV6(), ipV6(), (one, other) => {
      const key = addressKey(one);
      pre(key.endsWith("::/64"));
      const inside = networkMatcher([network(key)]);
      t.true(inside(one));
      t.is(inside(other), addressKey(other) === key);
    }),
  );
});
