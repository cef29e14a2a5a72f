import test from "ava";
import { userNames } from "./names.ts";

const userOf = userNames({ EXAMPLE: "example.com", Sales: "sales.example.com", "ad.example.com": "example.com" });

test("ntlm names: a user of a known domain has that domain's mailbox", (t) => {
  t.is(userOf({ user: "alice", domain: "EXAMPLE" }), "alice@example.com");
  t.is(userOf({ user: "alice", domain: "example" }), "alice@example.com");
  t.is(userOf({ user: "alice", domain: "SALES" }), "alice@sales.example.com");
  t.is(userOf({ user: "alice", domain: "AD.example.com" }), "alice@example.com");
});

test("ntlm names: who names no domain is a user of the first one", (t) => {
  t.is(userOf({ user: "alice", domain: "" }), "alice@example.com");
});

test("ntlm names: user@domain must name a mail domain of ours", (t) => {
  t.is(userOf({ user: "alice@Sales.Example.com", domain: "" }), "alice@Sales.Example.com");
  t.is(userOf({ user: "alice@example.com", domain: "EXAMPLE" }), "alice@example.com");
  t.is(userOf({ user: "alice@elsewhere.test", domain: "" }), undefined);
  t.is(userOf({ user: "alice@example.com", domain: "ELSEWHERE" }), undefined);
});

test("ntlm names: a user of another domain is nobody here", (t) => {
  t.is(userOf({ user: "alice", domain: "ELSEWHERE" }), undefined);
  t.is(userOf({ user: "alice", domain: "__proto__" }), undefined);
});

test("ntlm names: names that could be more than one are nobody", (t) => {
  for (const user of ["", "EXAMPLE\\alice", "a/b", "alice\n", "ali\0ce", "alice\u2028", 'a"b'])
    t.is(userOf({ user, domain: "EXAMPLE" }), undefined, JSON.stringify(user));
  t.is(userOf({ user: "alice", domain: "EXAMPLE\n" }), undefined);
});

test("ntlm names: settings without a domain, or with one twice, are refused with the key", (t) => {
  t.throws(() => userNames({}), { message: /^domains: name at least one/ });
  t.throws(() => userNames({ EXAMPLE: "a.test", example: "b.test" }), { message: /^domains: .*twice/ });
});
