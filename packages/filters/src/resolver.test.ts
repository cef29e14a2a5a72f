import test, { type ExecutionContext } from "ava";
import { systemClock, type Clock } from "@postern/contracts";
import { createFakeClock, serveDns, type DnsTable, type TestDns } from "@postern/testing";
import { createDnsResolver, type ClosableDnsResolver } from "./resolver.ts";

const LONG = "x".repeat(300);

const TABLE: DnsTable = {
  "mail.example": {
    A: ["192.0.2.1", "192.0.2.2"],
    AAAA: ["2001:db8::1"],
    TXT: ["one", LONG],
    MX: ["10 mx.example", "20 b.example"],
  },
  "1.2.0.192.in-addr.arpa": { PTR: ["mail.example"] },
  "silent-by-policy.example": { MX: ["0 ."] },
  "large.example": { TXT: Array.from({ length: 20 }, (_, n) => `${n}${LONG.slice(0, 230)}`) },
  "broken.example": "SERVFAIL",
  "refused.example": "REFUSED",
  "lost.example": "silence",
};

interface Scene {
  readonly dns: TestDns;
  readonly resolver: ClosableDnsResolver;
}

async function scene(
  t: ExecutionContext,
  { clock = systemClock, cacheSize = 100 }: { clock?: Clock; cacheSize?: number } = {},
): Promise<Scene> {
  const dns = await serveDns(TABLE);
  const resolver = createDnsResolver({ servers: [dns.address], timeout: 5000, cacheSize }, clock);
  t.teardown(async () => {
    resolver.close();
    await dns.stop();
  });
  return { dns, resolver };
}

test("dns: tells the records of each type", async (t) => {
  const { resolver } = await scene(t);
  t.deepEqual(await resolver.ask("mail.example", "A"), { state: "found", records: ["192.0.2.1", "192.0.2.2"] });
  t.deepEqual(await resolver.ask("mail.example", "AAAA"), { state: "found", records: ["2001:db8::1"] });
  t.deepEqual(await resolver.ask("mail.example", "TXT"), { state: "found", records: ["one", LONG] });
  t.deepEqual(await resolver.ask("1.2.0.192.in-addr.arpa", "PTR"), { state: "found", records: ["mail.example"] });
  t.deepEqual(await resolver.ask("mail.example", "MX"), {
    state: "found",
    records: [
      { exchange: "mx.example", priority: 10 },
      { exchange: "b.example", priority: 20 },
    ],
  });
  t.deepEqual(await resolver.ask("silent-by-policy.example", "MX"), { state: "found", records: [{ exchange: "", priority: 0 }] });
});

test("dns: a name that is not there, and one without such records, have none", async (t) => {
  const { resolver } = await scene(t);
  t.deepEqual(await resolver.ask("nobody.example", "A"), { state: "none" });
  t.deepEqual(await resolver.ask("1.2.0.192.in-addr.arpa", "A"), { state: "none" });
});

test("dns: a server that fails or refuses is down", async (t) => {
  const { resolver } = await scene(t);
  t.deepEqual(await resolver.ask("broken.example", "A"), { state: "down", reason: "ESERVFAIL" });
  t.deepEqual(await resolver.ask("refused.example", "A"), { state: "down", reason: "EREFUSED" });
});

test("dns: a server that does not answer in time is down", async (t) => {
  const clock = createFakeClock();
  const { resolver } = await scene(t, { clock });
  const answer = resolver.ask("lost.example", "A");
  await clock.advance(5000);
  t.deepEqual(await answer, { state: "down", reason: "ETIMEOUT" });
  t.is(clock.pending, 0);
});

test("dns: equal questions at the same moment are asked once, in any spelling", async (t) => {
  const { dns, resolver } = await scene(t);
  const names = ["mail.example", "MAIL.example.", "mail.Example"];
  const answers = await Promise.all(names.map((name) => resolver.ask(name, "A")));
  t.is(new Set(answers).size, 1);
  t.deepEqual(dns.asked, ["A mail.example"]);
});

test("dns: records are remembered for their life", async (t) => {
  const clock = createFakeClock();
  const { dns, resolver } = await scene(t, { clock });
  await resolver.ask("mail.example", "A");
  await clock.advance(59_999);
  await resolver.ask("mail.example", "A");
  t.is(dns.asked.length, 1);
  await clock.advance(1);
  dns.answer({ "mail.example": { A: ["192.0.2.9"] } });
  t.deepEqual(await resolver.ask("mail.example", "A"), { state: "found", records: ["192.0.2.9"] });
});

test("dns: a no is remembered for a minute, trouble for two seconds", async (t) => {
  const clock = createFakeClock();
  const { dns, resolver } = await scene(t, { clock });
  await resolver.ask("new.example", "A");
  await resolver.ask("broken.example", "A");
  const before = dns.asked.length;
  dns.answer({ "new.example": { A: ["192.0.2.3"] }, "broken.example": { A: ["192.0.2.4"] } });
  await clock.advance(1999);
  t.is((await resolver.ask("broken.example", "A")).state, "down");
  await clock.advance(1);
  t.is((await resolver.ask("broken.example", "A")).state, "found");
  await clock.advance(57_999);
  t.is((await resolver.ask("new.example", "A")).state, "none");
  t.is(dns.asked.length, before + 1);
  await clock.advance(1);
  t.is((await resolver.ask("new.example", "A")).state, "found");
});

test("dns: above its size, the memory forgets what was not used for longest", async (t) => {
  const { dns, resolver } = await scene(t, { cacheSize: 2 });
  await resolver.ask("a.example", "A");
  await resolver.ask("b.example", "A");
  await resolver.ask("a.example", "A");
  await resolver.ask("c.example", "A");
  await resolver.ask("a.example", "A");
  await resolver.ask("b.example", "A");
  t.deepEqual(dns.asked, ["A a.example", "A b.example", "A c.example", "A b.example"]);
});

test("dns: a very large answer is given, but not remembered", async (t) => {
  const { dns, resolver } = await scene(t);
  t.is((await resolver.ask("large.example", "TXT")).state, "found");
  t.is((await resolver.ask("large.example", "TXT")).state, "found");
  t.is(dns.asked.length, 2);
});

test("dns: what cannot be a name has no records, and nobody is asked", async (t) => {
  const { dns, resolver } = await scene(t);
  const names = [
    "",
    ".",
    "a..b",
    "a b.example",
    "a\r\nb.example",
    "nul\0.example",
    "x\\046y.example",
    `${"a".repeat(64)}.example`,
  ];
  for (const name of [...names, "a.".repeat(128), "\u2028.example", "x".repeat(100_000)])
    t.deepEqual(await resolver.ask(name, "A"), { state: "none" }, JSON.stringify(name.slice(0, 40)));
  t.deepEqual(dns.asked, []);
});

test("dns: letters beyond ASCII are asked for as the DNS writes them", async (t) => {
  const { dns, resolver } = await scene(t);
  await resolver.ask("bücher.example", "A");
  t.deepEqual(dns.asked, ["A xn--bcher-kva.example"]);
});
