import test from "ava";
import * as fc from "fast-check";
import { addressText, bracketHost, isLoopback, plainHost } from "./address.ts";

test("address text: IPv6 is in brackets, a unix socket has a word of its own", (t) => {
  t.is(addressText({ host: "192.0.2.1", port: 143 }), "192.0.2.1:143");
  t.is(addressText({ host: "2001:db8::1", port: 143 }), "[2001:db8::1]:143");
  t.is(addressText({ host: "", port: 0 }), "unix");
});

test("bracketed host: IPv6 is in brackets, names and IPv4 are as they are", (t) => {
  t.is(bracketHost("2001:db8::1"), "[2001:db8::1]");
  t.is(bracketHost("192.0.2.1"), "192.0.2.1");
  t.is(bracketHost("mail.example.com"), "mail.example.com");
});

const PLAIN: Readonly<Record<string, string>> = {
  "192.0.2.1": "192.0.2.1",
  "::ffff:192.0.2.1": "192.0.2.1",
  "::FFFF:192.0.2.1": "192.0.2.1",
  "::ffff:c000:201": "192.0.2.1",
  "0:0:0:0:0:ffff:192.0.2.1": "192.0.2.1",
  "0000:0000:0000:0000:0000:ffff:c000:0201": "192.0.2.1",
  "::ffff:192.0.2.1%eth0": "192.0.2.1",
  "fe80::1%eth0": "fe80::1",
  "2001:DB8::1": "2001:DB8::1",
  "::192.0.2.1": "::192.0.2.1",
  "::ffff:0:192.0.2.1": "::ffff:0:192.0.2.1",
  "::ffff:1:2:3": "::ffff:1:2:3",
  "::ffff:999.0.2.1": "::ffff:999.0.2.1",
  "": "",
  "mail.example.com": "mail.example.com",
};

for (const [host, plain] of Object.entries(PLAIN)) {
  test(`plain host: ${JSON.stringify(host)} is ${JSON.stringify(plain)}`, (t) => t.is(plainHost(host), plain));
}

test("plain host: every IPv4 address is found in its IPv6 spellings", (t) => {
  fc.assert(
    fc.property(fc.tuple(...Array.from({ length: 4 }, () => fc.nat(255))), ([a = 0, b = 0, c = 0, d = 0]) => {
      const groups = `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
      t.is(plainHost(`::ffff:${groups}`), `${a}.${b}.${c}.${d}`);
      t.is(plainHost(`::ffff:${a}.${b}.${c}.${d}`), `${a}.${b}.${c}.${d}`);
    }),
  );
});

test("plain host: any text comes back as text", (t) => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("0", ":", "f", "ffff", ".", "%", "1"), maxLength: 60 }), (host) => {
      t.is(typeof plainHost(host), "string");
    }),
  );
});

test("loopback: this machine's own addresses and unix sockets, and nothing else", (t) => {
  for (const host of ["127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1", "::ffff:7f00:1", "localhost", ""])
    t.true(isLoopback(host), host);
  for (const host of ["128.0.0.1", "10.127.0.1", "::2", "::ffff:10.0.0.1", "127.example.com", "localhost.example.com", "0.0.0.0"])
    t.false(isLoopback(host), host);
});
