import test from "ava";
import * as fc from "fast-check";
import { addressParts, phoneOf } from "./address.ts";

/** Address, local part, domain. */
const ADDRESSES: readonly (readonly [string, string, string])[] = [
  ["alice@Example.COM", "alice", "example.com"],
  ["Alice+x@example.com", "Alice+x", "example.com"],
  ["alice@XN--MXAMPLE-CUA.com", "alice", "xn--mxample-cua.com"],
  ["alice@ÄXAMPLE.com", "alice", "äxample.com"],
  ["alice@[192.0.2.1]", "alice", "[192.0.2.1]"],
  ["alice@[IPv6:2001:DB8::1]", "alice", "[ipv6:2001:db8::1]"],
  ['"a@b"@example.com', '"a@b"', "example.com"],
  ['"a\\"@b"@example.com', '"a\\"@b"', "example.com"],
  ['"a@b"', '"a@b"', ""],
  ['"a@b', '"a', "b"],
  ['"a"b@example.com', '"a"b', "example.com"],
  ['"a"@', '"a"', ""],
  ["a@b@example.com", "a@b", "example.com"],
  ["@example.com", "", "example.com"],
  ["alice@", "alice", ""],
  ["postmaster", "postmaster", ""],
  ["", "", ""],
  ["@", "", ""],
  ['"', '"', ""],
  ['"\\', '"\\', ""],
];

for (const [address, local, domain] of ADDRESSES) {
  test(`the address ${JSON.stringify(address)} is ${local} at ${domain || "nowhere"}`, (t) => {
    t.deepEqual(addressParts(address), { local, domain });
  });
}

test("an address is its parts put together again, but for the case of its domain", (t) => {
  const text = fc.array(fc.oneof(fc.constantFrom("@", '"', "\\", "."), fc.string())).map((parts) => parts.join(""));
  fc.assert(
    fc.property(text, (address) => {
      const { local, domain } = addressParts(address);
      const whole = domain === "" && !address.endsWith("@") ? local : `${local}@${domain}`;
      t.is(whole.toLowerCase(), address.toLowerCase());
    }),
  );
});

/** Address, and its kind and number. */
const PHONES: readonly (readonly [string, string | undefined])[] = [
  ["FAX=+15551234567@gateway.example", "fax +15551234567"],
  ["fax=+1-555.123.4567@gateway.example", "fax +15551234567"],
  ["/FAX=+15551234567/@gateway.example", "fax +15551234567"],
  ["FAX=+15551234567/T33S=1387@gateway.example", "fax +15551234567"],
  ['"/FAX=+1(555)1234567/T33S=13/ISUB=7/"@gateway.example', "fax +15551234567"],
  ["FAX=0441234567@gateway.example", "fax 0441234567"],
  ["VOICE=+15551234567@gateway.example", "voice +15551234567"],
  ["VPIM=+15551234567@gateway.example", "voice +15551234567"],
  ["AMIS=*12#@gateway.example", "voice *12#"],
  ["FAX=+15551234567", "fax +15551234567"],
  ["+15551234567@gateway.example", undefined],
  ["SMS=+15551234567@gateway.example", undefined],
  ["FAX=@gateway.example", undefined],
  ["FAX=+@gateway.example", undefined],
  ["FAX=--@gateway.example", undefined],
  ["FAX=alice@gateway.example", undefined],
  ["FAX=+1555/T33S@gateway.example", undefined],
  ["FAX=+1+2@gateway.example", undefined],
  ["xFAX=+1555@gateway.example", undefined],
  ["constructor=1@gateway.example", undefined],
  ["__proto__=1@gateway.example", undefined],
  ["", undefined],
  [`FAX=${"1".repeat(300)}@gateway.example`, undefined],
  [`FAX=1${"/a=".repeat(100_000)}@gateway.example`, undefined],
];

for (const [address, phone] of PHONES) {
  test(`the address ${address.slice(0, 60)} ${phone === undefined ? "holds no number" : `is for ${phone}`}`, (t) => {
    const found = phoneOf(address);
    t.is(found === undefined ? undefined : `${found.kind} ${found.number}`, phone);
  });
}
