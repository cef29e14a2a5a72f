import test from "ava";
import * as fc from "fast-check";
import { networkMatcher, networks, parseNetwork } from "./networks.ts";
import type { Network } from "./networks.ts";

function network(text: string): Network {
  const parsed = parseNetwork(text);
  if ("problem" in parsed) throw new Error(parsed.problem);
  return parsed.value;
}

test("network: an IPv4 client on an IPv6 socket is matched as IPv4", (t) => {
  const matches = networkMatcher(["10.0.0.0/8", "2001:db8::/32", "::ffff:192.0.2.0/120", "::1"].map(network));
  for (const host of ["10.1.2.3", "::ffff:10.1.2.3", "::ffff:a01:203", "2001:db8:1::1", "192.0.2.7", "::1"])
    t.true(matches(host), host);
  for (const host of ["11.0.0.1", "::ffff:11.0.0.1", "::a01:203", "192.0.3.1", "2001:db9::1", "::2", "", "mail.example.com"])
    t.false(matches(host), host);
});

test("network: one that is written as IPv4-mapped IPv6 is the IPv4 network", (t) => {
  const expected: Network = { address: "192.0.2.0", prefix: 24, family: "ipv4" };
  for (const text of ["192.0.2.0/24", "::ffff:192.0.2.0/120", "::FFFF:c000:200/120", "0:0:0:0:0:ffff:192.0.2.0/120"])
    t.deepEqual(network(text), expected, text);
});

test("network: a zone does not keep an address from matching", (t) => {
  t.true(networkMatcher([network("fe80::/10")])("fe80::1%eth0"));
});

test("network: an address without a prefix is itself alone", (t) => {
  t.deepEqual(network("192.0.2.7"), { address: "192.0.2.7", prefix: 32, family: "ipv4" });
  t.deepEqual(network("2001:db8::7"), { address: "2001:db8::7", prefix: 128, family: "ipv6" });
});

test("network: no network has no host in it", (t) => {
  for (const host of ["127.0.0.1", "::1", ""]) t.false(networkMatcher([])(host));
});

test("network: what is no network is refused with a cure", (t) => {
  for (const text of [
    "10.0.0",
    "10.0.0.0/8/8",
    "example.com",
    "",
    "/8",
    "fe80::1%eth0",
    "10.0.0.0/-1",
    "10.0.0.0/x",
    "10.0.0.0/",
  ])
    t.deepEqual(
      parseNetwork(text),
      { problem: `must be an address or a network such as 10.0.0.0/8 or 2001:db8::/32, not "${text}"` },
      text,
    );
  t.deepEqual(parseNetwork("10.0.0.0/33"), { problem: "the prefix must be 0 to 32, not 33" });
  t.deepEqual(parseNetwork("::/129"), { problem: "the prefix must be 0 to 128, not 129" });
  t.deepEqual(parseNetwork("::ffff:10.0.0.0/8"), {
    problem: 'write IPv4 networks as IPv4, such as 10.0.0.0/8, not "::ffff:10.0.0.0/8"',
  });
});

test("network: every address is in its own network of any length, and in none of the other family", (t) => {
  fc.assert(
    fc.property(fc.ipV4(), fc.nat(32), (address, prefix) => {
      const matches = networkMatcher([network(`${address}/${prefix}`)]);
      t.true(matches(address) && matches(`::ffff:${address}`));
      t.false(matches("2001:db8::1"));
    }),
  );
});

test("networks setting: is a list of which one may stand without brackets", (t) => {
  const setting = networks("Who.");
  t.true(setting.single);
  t.deepEqual(setting.default, []);
  t.deepEqual(setting.of.parse("::1/128"), { value: { address: "::1", prefix: 128, family: "ipv6" } });
});
