import test from "ava";
import type { MailVisit } from "@postern/contracts";
import { reverseDns } from "./reverse-dns.ts";
import { filterOf, symbolsOf, testMail, testServices, testVisit, wordsOf, type DnsTable } from "./test/scene.ts";

const PTR = "7.2.0.192.in-addr.arpa";
const REFUSE = { none: { action: "refuse", score: 4 }, unconfirmed: { action: "refuse", score: 2 } } as const;

async function judged(
  table: DnsTable,
  rest = {},
  visit: MailVisit = testVisit(),
): Promise<readonly [string | undefined, ...string[]]> {
  const filter = filterOf(reverseDns, testServices(table), { ...REFUSE, ...rest });
  t0(await filter.connect?.(visit));
  return [wordsOf(await filter.sender?.(testMail({ visit }))), ...symbolsOf(visit)];
}

/** Nobody is stopped before it brings mail. */
function t0(answer: unknown): void {
  if (answer !== undefined) throw new Error("stopped at connect");
}

test("reverse DNS: a name that leads back is the visit's", async (t) => {
  const visit = testVisit();
  t.deepEqual(
    await judged({ [PTR]: { PTR: ["Mail.Sender.example."] }, "mail.sender.example": { A: ["192.0.2.7"] } }, {}, visit),
    [undefined],
  );
  t.is(visit.hostName, "mail.sender.example");
});

test("reverse DNS: IPv6 addresses are asked for digit by digit, and compared in any spelling", async (t) => {
  const visit = testVisit({ host: "2001:db8::7" });
  const name = "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa";
  const table = { [name]: { PTR: ["six.example"] }, "six.example": { AAAA: ["2001:DB8:0::0007"] } };
  t.deepEqual(await judged(table, {}, visit), [undefined]);
  t.is(visit.hostName, "six.example");
});

test("reverse DNS: one of several names is enough", async (t) => {
  const visit = testVisit();
  const table = { [PTR]: { PTR: ["other.example", "mail.example"] }, "mail.example": { A: ["198.51.100.1", "192.0.2.7"] } };
  t.deepEqual(await judged(table, {}, visit), [undefined]);
  t.is(visit.hostName, "mail.example");
});

test("reverse DNS: an address without a name is refused", async (t) => {
  const visit = testVisit();
  t.deepEqual(await judged({}, {}, visit), ["550 5.7.25 192.0.2.7 has no name in the DNS", "RDNS_NONE=4"]);
  t.is(visit.hostName, "");
});

test("reverse DNS: a name that leads elsewhere is refused, and is not the visit's", async (t) => {
  const visit = testVisit();
  const table = { [PTR]: { PTR: ["bank.example"] }, "bank.example": { A: ["198.51.100.1"] } };
  const words = "550 5.7.25 192.0.2.7 is bank.example in the DNS, which does not lead back to it";
  t.deepEqual(await judged(table, {}, visit), [words, "RDNS_UNCONFIRMED=2"]);
  t.is(visit.hostName, "");
});

test("reverse DNS: names that no host may have are none", async (t) => {
  const names = ["evil\r\nX-Header: yes.example", "a b.example", "(comment).example", "x".repeat(300), "ü\u0000.example"];
  t.deepEqual(await judged({ [PTR]: { PTR: names } }), ["550 5.7.25 192.0.2.7 has no name in the DNS", "RDNS_NONE=4"]);
});

test("reverse DNS: of very many names a few are looked at", async (t) => {
  const names = Array.from({ length: 500 }, (_, n) => `n${n}.example`);
  const services = testServices({ [PTR]: { PTR: names } });
  await filterOf(reverseDns, services).sender?.(testMail());
  t.is(services.dns.asked.length, 6);
});

test("reverse DNS: a DNS that is down never refuses, and defers only where it is told to", async (t) => {
  for (const table of [{ [PTR]: "down" }, { [PTR]: { PTR: ["lost.example"] }, "lost.example": "down" }] as DnsTable[]) {
    const visit = testVisit();
    t.deepEqual(await judged(table, {}, visit), [undefined]);
    t.is(visit.hostName, undefined);
    t.deepEqual(await judged(table, { down: "defer" }), ["451 4.4.3 The DNS cannot tell the name of 192.0.2.7 now"]);
  }
});

test("reverse DNS: can be told to defer, to count or to do nothing", async (t) => {
  t.deepEqual(await judged({}, { none: { action: "defer", score: 1 } }), [
    "450 4.7.25 192.0.2.7 has no name in the DNS",
    "RDNS_NONE=1",
  ]);
  t.deepEqual(await judged({}, { none: { action: "score", score: 1 } }), [undefined, "RDNS_NONE=1"]);
  t.deepEqual(await judged({}, { none: { action: "off", score: 1 } }), [undefined]);
});

test("reverse DNS: a visit is asked for once, however many messages it brings, and counts once", async (t) => {
  const services = testServices({});
  const filter = filterOf(reverseDns, services);
  const visit = testVisit();
  await filter.connect?.(visit);
  for (let n = 0; n < 3; n += 1) await filter.sender?.(testMail({ visit }));
  t.deepEqual(services.dns.asked, [`PTR ${PTR}`]);
  t.deepEqual(symbolsOf(visit), ["RDNS_NONE=4"]);
});

test("reverse DNS: relays of ours get a name and are not judged; a unix socket is not asked for", async (t) => {
  const visit = testVisit({ trusted: true });
  t.deepEqual(await judged({}, {}, visit), [undefined]);
  t.is(visit.hostName, "");
  const services = testServices({});
  const filter = filterOf(reverseDns, services, REFUSE);
  const socket = testVisit({ host: "" });
  await filter.connect?.(socket);
  t.is(await filter.sender?.(testMail({ visit: socket })), undefined);
  t.deepEqual(services.dns.asked, []);
});
