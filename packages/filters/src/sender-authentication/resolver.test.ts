// The DNS as mailauth asks it.

import test from "ava";
import { createFakeClock } from "@postern/testing";
import { fakeDns, type DnsTable } from "../test/scene.ts";
import { boundedDns } from "./resolver.ts";

const TABLE: DnsTable = {
  "a.example": { A: ["192.0.2.1"], TXT: ["one", "two"], MX: [{ exchange: "mx.example", priority: 10 }] },
  "mail.example": { MX: [{ exchange: "mx.example", priority: 10 }] },
  "down.example": "down",
};

function asking({ questions = 100, timeMs = 1000, table = TABLE } = {}) {
  const clock = createFakeClock();
  const dns = fakeDns(table);
  return { clock, dns, bounded: boundedDns(dns, clock, { questions, timeMs }) };
}

test("records come as mailauth wants them", async (t) => {
  const { bounded } = asking();
  t.deepEqual(await bounded.ask("a.example", "TXT"), [["one"], ["two"]]);
  t.deepEqual(await bounded.ask("a.example.", "A"), ["192.0.2.1"]);
  t.deepEqual<unknown, unknown>(await bounded.ask("a.example", "MX"), [{ exchange: "mx.example", priority: 10 }]);
});

test("what is not there, what is not known now, and what is not asked have codes of their own", async (t) => {
  const { bounded, dns } = asking();
  await t.throwsAsync(bounded.ask("none.example", "TXT"), { code: "ENOTFOUND" });
  t.false(bounded.wasDown);
  await t.throwsAsync(bounded.ask("down.example", "TXT"), { code: "ESERVFAIL" });
  t.true(bounded.wasDown);
  t.false(bounded.spent);
  await t.throwsAsync(bounded.ask("a.example", "CNAME"), { code: "ENODATA" });
  const before = dns.asked.length;
  for (const name of ["", ".", "a..b", "a b.example", "a\0.example", "é.example", `${"x".repeat(64)}.example`, "x.".repeat(130)])
    await t.throwsAsync(bounded.ask(name, "TXT"), { code: "EBADNAME" });
  t.is(dns.asked.length, before);
});

test("existence: a name with mail but no address exists, one with nothing does not", async (t) => {
  const { bounded } = asking();
  t.deepEqual(await bounded.askExistence("a.example", "A"), ["192.0.2.1"]);
  await t.throwsAsync(bounded.askExistence("mail.example", "A"), { code: "ENODATA" });
  await t.throwsAsync(bounded.askExistence("none.example", "A"), { code: "ENOTFOUND" });
  await t.throwsAsync(bounded.askExistence("down.example", "A"), { code: "ESERVFAIL" });
  t.deepEqual(await bounded.askExistence("a.example", "TXT"), [["one"], ["two"]]);
});

test("questions and time are used up", async (t) => {
  const few = asking({ questions: 2 });
  await few.bounded.ask("a.example", "A");
  await few.bounded.ask("a.example", "A");
  t.false(few.bounded.spent);
  await t.throwsAsync(few.bounded.ask("a.example", "A"), { code: "ETIMEOUT" });
  t.true(few.bounded.spent);
  t.true(few.bounded.wasDown);
  const slow = asking();
  await slow.bounded.ask("a.example", "A");
  await slow.clock.advance(1001);
  await t.throwsAsync(slow.bounded.ask("a.example", "A"), { code: "ETIMEOUT" });
  t.true(slow.bounded.spent);
});
