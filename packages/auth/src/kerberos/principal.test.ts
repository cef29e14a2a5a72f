import test from "ava";
import { userOf } from "./principal.ts";

const NONE = { realms: {}, map: {} };

test("kerberos: without realms the realm in lower case is the domain", (t) => {
  t.is(userOf("alice@EXAMPLE.COM", NONE), "alice@example.com");
});

test("kerberos: with realms only their users are known, each with the realm's mail domain", (t) => {
  const rules = { realms: { "AD.EXAMPLE.COM": "example.com", "TEST.LOCAL": "-" }, map: {} };
  t.is(userOf("alice@AD.EXAMPLE.COM", rules), "alice@example.com");
  t.is(userOf("alice@TEST.LOCAL", rules), "alice");
  for (const realm of ["EXAMPLE.COM", "ad.example.com", "__proto__", "constructor"])
    t.is(userOf(`alice@${realm}`, rules), undefined);
});

test("kerberos: the map goes first, and can name what else is nobody", (t) => {
  const map = { "alice/admin@EXAMPLE.COM": "postmaster", "bob@EXAMPLE.COM": "robert@example.org" };
  t.is(userOf("alice/admin@EXAMPLE.COM", { realms: {}, map }), "postmaster");
  t.is(userOf("bob@EXAMPLE.COM", { realms: {}, map }), "robert@example.org");
  t.is(userOf("bob/admin@EXAMPLE.COM", { realms: {}, map }), undefined);
});

test("kerberos: principals of hosts, of nobody and with tricks in their names are nobody", (t) => {
  for (const principal of [
    "host/mail.example.com@EXAMPLE.COM",
    "WELLKNOWN/ANONYMOUS@WELLKNOWN:ANONYMOUS",
    "alice\\@example.com@EXAMPLE.COM",
    "alice\\/admin@EXAMPLE.COM",
    "alice\\0@EXAMPLE.COM",
    "alice@bob@EXAMPLE.COM",
    " alice@EXAMPLE.COM",
    "alice\u00a0@EXAMPLE.COM",
    "al\ufffdce@EXAMPLE.COM",
    "@EXAMPLE.COM",
    "alice@",
    "alice",
    "",
    "__proto__",
  ])
    t.is(userOf(principal, NONE), undefined, principal);
});
