import test from "ava";
import { testQuery } from "@postern/testing";
import { staticSource } from "./static.ts";
import type { StaticTable } from "./static.ts";
import { routeSourceSuite } from "./suite.ts";

const table = (more: Partial<StaticTable> = {}): StaticTable => ({ users: {}, domains: {}, wildcards: {}, default: [], ...more });

async function ask(more: Partial<StaticTable>, user: string, defaultDomain?: string): Promise<string> {
  const answer = await staticSource(table(more), defaultDomain).find(testQuery(user));
  if (answer === undefined) return "unknown";
  return `${answer.candidates.map((c) => ("backend" in c ? c.backend : c.host)).join(",")} by ${answer.why}`;
}

routeSourceSuite(test, () =>
  Promise.resolve({
    source: staticSource(table({ users: { "alice@example.com": ["mbx1"], "bob@example.com": ["mbx2", "mbx1"] } })),
    homes: {
      "alice@example.com": [{ backend: "mbx1" }],
      "bob@example.com": [{ backend: "mbx2" }, { backend: "mbx1" }],
    },
    stranger: { user: "eve@example.com", outcome: "unknown" as const },
    stop: () => Promise.resolve(),
  }),
);

test("static source: knows a user by full name, whatever the case of the table", async (t) => {
  t.is(await ask({ users: { "Alice@Example.COM": ["mbx1"] } }, "alice@example.com"), "mbx1 by users: alice@example.com");
});

test("static source: a bare name means a user of the default domain, and of no other", async (t) => {
  const users = { alice: ["mbx1"] };
  t.is(await ask({ users }, "alice@example.com", "example.com"), "mbx1 by users: alice@example.com");
  t.is(await ask({ users }, "alice@example.org", "example.com"), "unknown");
  t.is(await ask({ users }, "alice"), "mbx1 by users: alice");
  t.is(await ask({ users }, "alice@example.com"), "unknown");
});

test("static source: knows a domain, but not its subdomains", async (t) => {
  const domains = { "example.org": ["mbx2"] };
  t.is(await ask({ domains }, "anna@example.org"), "mbx2 by domain example.org");
  t.is(await ask({ domains }, "anna@sub.example.org"), "unknown");
  t.is(await ask({ domains }, "a@evil.example@example.org"), "mbx2 by domain example.org");
  t.is(await ask({ domains }, "example.org"), "unknown");
});

test("static source: the pattern with the most literal characters wins, and a domain counts as *@domain", async (t) => {
  const all = {
    users: { "sales-boss@example.com": ["own"] },
    domains: { "example.com": ["domain"], "a.example.org": ["subdomain"] },
    wildcards: {
      "*@*.example.org": ["wide"],
      "*@*.a.example.org": ["deep"],
      "sales-*@example.com": ["sales"],
      "sales-*-old@example.com": ["old"],
      "*@example.com": ["never"],
    },
    default: ["rest"],
  };
  t.is(await ask(all, "sales-boss@example.com"), "own by users: sales-boss@example.com");
  t.is(await ask(all, "sales-eu@example.com"), "sales by wildcard sales-*@example.com");
  t.is(await ask(all, "sales-eu-old@example.com"), "old by wildcard sales-*-old@example.com");
  t.is(await ask(all, "anna@example.com"), "domain by domain example.com");
  t.is(await ask(all, "anna@a.example.org"), "subdomain by domain a.example.org");
  t.is(await ask(all, "anna@b.example.org"), "wide by wildcard *@*.example.org");
  t.is(await ask(all, "anna@x.a.example.org"), "deep by wildcard *@*.a.example.org");
  t.is(await ask(all, "anna@elsewhere.example"), "rest by default");
});

test("static source: a star stays on its side of the @", async (t) => {
  const wildcards = { "sales*": ["bare"], "*@example.com": ["full"] };
  t.is(await ask({ wildcards }, "sales-eu"), "bare by wildcard sales*");
  t.is(await ask({ wildcards }, "sales@evil.example"), "unknown");
  t.is(await ask({ wildcards }, "x@example.com.evil.example"), "unknown");
  t.is(await ask({ wildcards }, "x@example.com@evil.example"), "unknown");
});

test("static source: a pattern without a domain means the default domain", async (t) => {
  const wildcards = { "sales-*": ["mbx1"] };
  t.is(await ask({ wildcards }, "sales-eu@example.com", "example.com"), "mbx1 by wildcard sales-*@example.com");
  t.is(await ask({ wildcards }, "sales-eu@example.org", "example.com"), "unknown");
});

test("static source: pieces between stars may not overlap", async (t) => {
  const wildcards = { "ab*ba@example.com": ["x"], "q*mid*mid*z@example.com": ["y"] };
  t.is(await ask({ wildcards }, "aba@example.com"), "unknown");
  t.is(await ask({ wildcards }, "abba@example.com"), "x by wildcard ab*ba@example.com");
  t.is(await ask({ wildcards }, "qmidz@example.com"), "unknown");
  t.is(await ask({ wildcards }, "q-mid-mid-z@example.com"), "y by wildcard q*mid*mid*z@example.com");
});

test("static source: names of object members are users like others", async (t) => {
  t.is(await ask({ users: {} }, "constructor"), "unknown");
  t.is(await ask({ users: { constructor: ["mbx1"] } }, "constructor"), "mbx1 by users: constructor");
});

test("static source: refuses a table that contradicts itself", (t) => {
  const build = (more: Partial<StaticTable>, domain?: string) => () => staticSource(table(more), domain);
  t.throws(build({ users: { alice: ["a"], "Alice@example.com": ["b"] } }, "example.com"), { message: /is there twice/ });
  t.throws(build({ users: { "a\nb": ["a"] } }), { message: /cannot be looked up/ });
  t.throws(build({ domains: { "@example.com": ["a"] } }), { message: /domains: "@example.com" cannot be looked up/ });
  t.throws(build({ users: { alice: [] } }), { message: /"alice" has no backend/ });
});

test("static source: a table of 100,000 users holds one list of candidates a home", async (t) => {
  const users = Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`user${i}@example.com`, [`mbx${i % 3}`]]));
  const source = staticSource(table({ users }));
  const [a, b, c] = await Promise.all([0, 3, 99_999].map((i) => source.find(testQuery(`user${i}@example.com`))));
  t.deepEqual(a?.candidates, [{ backend: "mbx0" }]);
  t.is(a?.candidates, b?.candidates);
  t.is(a?.candidates, c?.candidates);
});
