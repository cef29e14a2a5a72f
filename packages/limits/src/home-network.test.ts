import { networkMatcher, parseNetwork, type Network } from "@postern/contracts";
import { assert, ipV6, pre, property } from "fast-check";
import test from "ava";
import { exemption, homeNetwork } from "./home-network.ts";

const network = (text: string): Network => {
  const parsed = parseNetwork(text);
  if ("problem" in parsed) throw new Error(parsed.problem);
  return parsed.value;
};

const HOMES: Readonly<Record<string, string>> = {
  "192.0.2.1": "192.0.2.0/24",
  "::ffff:192.0.2.255": "192.0.2.0/24",
  "2001:db8:1:2:3:4:5:6": "2001:db8:1::/48",
  "2001:db8:1::1": "2001:db8:1::/48",
  "fe80::1%eth0": "fe80:0:0::/48",
  "": "",
  "not an address": "not an address",
  "1.2.3": "1.2.3",
};

for (const [host, home] of Object.entries(HOMES)) {
  test(`home network: that of ${JSON.stringify(host)} is ${JSON.stringify(home)}`, (t) => t.is(homeNetwork(host), home));
}

test("home network: all addresses of one IPv6 /48 share it, in every spelling", (t) => {
  assert(
    property(ipV6(), ipV6(), (one, other) => {
      const home = homeNetwork(one);
      pre(home.endsWith("::/48"));
      const inside = networkMatcher([network(home)]);
      t.true(inside(one));
      t.is(inside(other), homeNetwork(other) === home);
    }),
  );
});

test("exemption: those of the networks are exempt, and so is a client of a unix socket", (t) => {
  const exempt = exemption([network("10.0.0.0/8")]);
  for (const host of ["10.1.2.3", "::ffff:10.1.2.3", "::ffff:a01:203", ""]) t.true(exempt(host), host);
  for (const host of ["11.0.0.1", "::a01:203", "localhost"]) t.false(exempt(host), host);
});

test("exemption: an empty list exempts no address", (t) => {
  t.false(exemption([])("127.0.0.1"));
});
