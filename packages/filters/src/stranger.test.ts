import { addressKey } from "@postern/contracts";
import test from "ava";
import * as fc from "fast-check";
import { networkKey, reversed, reverseName, sameAddress } from "./stranger.ts";

test("stranger: a network is a /24 or a /64", (t) => {
  t.is(networkKey("192.0.2.7"), "192.0.2.0/24");
  t.is(networkKey("::ffff:c000:207"), "192.0.2.0/24");
  t.is(networkKey("2001:db8::1"), addressKey("2001:db8::1"));
});

test("stranger: addresses stand in the DNS from their last byte or digit", (t) => {
  t.is(reverseName("192.0.2.7"), "7.2.0.192.in-addr.arpa");
  t.is(reversed("::1"), `1${".0".repeat(31)}`);
  t.is(reverseName("2001:db8::567:89ab"), "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
});

test("stranger: spellings of one IPv6 address are the same, other addresses are not", (t) => {
  const groups = fc.array(fc.integer({ min: 0, max: 0xffff }), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(groups, fc.integer({ min: 0, max: 7 }), (parts, changed) => {
      const plain = parts.map((part) => part.toString(16)).join(":");
      const padded = parts.map((part) => part.toString(16).padStart(4, "0").toUpperCase()).join(":");
      const other = parts.map((part, n) => (n === changed ? part ^ 1 : part).toString(16)).join(":");
      return sameAddress(plain, padded) && !sameAddress(plain, other) && reversed(plain).length === 63;
    }),
  );
  t.true(sameAddress("::ffff:192.0.2.1", "192.0.2.1"));
  t.false(sameAddress("192.0.2.1", "192.0.2.10"));
});
