// One spelling of an address, domains and what is below them, rewriting.

import test from "ava";
import * as fc from "fast-check";
import { domainTable } from "./domain-table.ts";
import { asciiDomain, mailboxText, parseMailbox, routesItself, sameAddress } from "./mailbox.ts";
import { createRewriter, type Rewriting } from "./rewrite.ts";

const read = (address: string): string | undefined => {
  const mailbox = parseMailbox(address);
  return mailbox && mailboxText(mailbox);
};

test("mailbox: quotes that are not needed go, the domain is written small, the local part stays as it is", (t) => {
  t.is(read("Bob@EXAMPLE.com"), "Bob@example.com");
  t.is(read('"Bob"@example.com'), "Bob@example.com");
  t.is(read('"B\\o\\b"@example.com'), "Bob@example.com");
  t.is(read('"a \\b"@example.com'), '"a b"@example.com');
  t.is(read('"a\\"b"@example.com'), '"a\\"b"@example.com');
  t.is(read("jörg@bücher.example"), "jörg@xn--bcher-kva.example");
  t.is(read("fax=+123/t33s=6@gw.example.com"), "fax=+123/t33s=6@gw.example.com");
  t.is(read("a@[192.0.2.1]"), "a@[192.0.2.1]");
  t.is(sameAddress('"ALICE"@Example.Com'), "alice@example.com");
});

test("mailbox: what is no address is none", (t) => {
  const wrong = ["", "bob", "@example.com", "bob@", "b ob@example.com", 'b"ob@example.com', '""@example.com', "bob@exa mple.com"];
  const hostile = [
    "bob@example.com\r\nX: y",
    "bo\0b@example.com",
    '"b\nob"@example.com',
    "bob@-example.com",
    "a@b@",
    `${"a".repeat(600)}@b.c`,
  ];
  for (const address of [...wrong, ...hostile]) t.is(parseMailbox(address), undefined, JSON.stringify(address));
});

test("mailbox: numbers are no addresses of the network in a domain", (t) => {
  t.is(asciiDomain("1"), "1");
  t.is(asciiDomain("0x7f.1"), "0x7f.1");
});

test("mailbox: reading what was read changes nothing, and nothing makes it throw", (t) => {
  const odd = fc.string({ unit: fc.constantFrom('"', "\\", "@", " ", "a", "B", ".", "é", "\r", "\0", "[", "]", "%") });
  fc.assert(
    fc.property(fc.oneof(odd, fc.emailAddress(), fc.string({ unit: "binary" })), (address) => {
      const once = read(address);
      if (once === undefined) return true;
      return read(once) === once && !/[\r\n\0]/.test(once);
    }),
  );
  t.pass();
});

test("mailbox: a local part that says where to go on is seen, in quotes too", (t) => {
  const asks = (address: string): boolean => routesItself(parseMailbox(address) ?? { local: "", domain: "" });
  for (const address of ["a%b.com@example.com", "b.com!a@example.com", '"a@b.com"@example.com', '"a\\@b.com"@example.com'])
    t.true(asks(address), address);
  t.false(asks("prvs=1234=a@example.com"));
});

test("domain table: a name is itself, *.parent is all below it, the longest parent wins", (t) => {
  const table = domainTable([
    ["example.com", 1],
    ["*.example.com", 2],
    ["*.eu.example.com", 3],
    ["*.Bücher.example", 4],
  ]);
  const found = [
    "example.com",
    "a.example.com",
    "b.a.example.com",
    "x.eu.example.com",
    "eu.example.com",
    "a.xn--bcher-kva.example",
  ];
  t.deepEqual(
    found.map((domain) => table.get(domain)),
    [1, 2, 2, 3, 2, 4],
  );
  for (const other of ["com", "badexample.com", "example.com.evil.net", "bücher.example", "", "."])
    t.is(table.get(other), undefined);
});

const rewrite = (rules: readonly Rewriting[], address: string): string | undefined => {
  const mailbox = parseMailbox(address);
  return mailbox && createRewriter(rules)(mailbox);
};

test("rewrite: the first that fits, any case, what * stood for as it was written", (t) => {
  const rules = [
    { from: "sales@example.com", to: "info@example.com" },
    { from: "Team-*@example.com", to: "*@teams.example.com" },
    { from: "info@*.old.example", to: "info@*.example.com" },
    { from: "@old.example", to: "@example.com" },
    { from: "@gone.example", to: "postmaster@example.com" },
  ];
  t.is(rewrite(rules, "SALES@example.com"), "info@example.com");
  t.is(rewrite(rules, "team-Red@example.com"), "Red@teams.example.com");
  t.is(rewrite(rules, "info@ch.old.example"), "info@ch.example.com");
  t.is(rewrite(rules, "Bob+x@OLD.example"), "Bob+x@example.com");
  t.is(rewrite(rules, '"a b"@old.example'), '"a b"@example.com');
  t.is(rewrite(rules, "anybody@gone.example"), "postmaster@example.com");
  for (const none of ["team@example.com", "bob@example.com", "bob@x.old.example"]) t.is(rewrite(rules, none), undefined, none);
});

test("rewrite: a pattern longer than the address does not overlap itself", (t) => {
  t.is(rewrite([{ from: "aba*aba@example.com", to: "x*@example.com" }], "aba@example.com"), undefined);
  t.is(rewrite([{ from: "aba*aba@example.com", to: "x*@example.com" }], "abaaba@example.com"), "x@example.com");
});
