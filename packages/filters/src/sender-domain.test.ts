import test from "ava";
import { senderDomain } from "./sender-domain.ts";
import { filterOf, symbolsOf, testMail, testServices, testVisit, wordsOf, type DnsTable } from "./test/scene.ts";

const DNS: DnsTable = {
  "sender.example": { MX: [{ exchange: "mx.sender.example", priority: 10 }] },
  "four.example": { A: ["192.0.2.1"] },
  "six.example": { AAAA: ["2001:db8::1"] },
  "null.example": { MX: [{ exchange: "", priority: 0 }], A: ["192.0.2.1"] },
  "dot.example": { MX: [{ exchange: ".", priority: 0 }] },
  "lost.example": "down",
};

async function judged(from: string, rest = {}, visit = testVisit()): Promise<readonly [string | undefined, ...string[]]> {
  const mail = testMail({ from, visit });
  const answer = await filterOf(senderDomain, testServices(DNS), rest).sender?.(mail);
  return [wordsOf(answer), ...symbolsOf(mail)];
}

test("sender domain: one with a mail exchanger or an address is good", async (t) => {
  for (const from of [
    "a@sender.example",
    "a@SENDER.example.",
    "a@four.example",
    "a@six.example",
    '"x@null.example"@sender.example',
  ])
    t.deepEqual(await judged(from), [undefined], from);
});

test("sender domain: one that nobody can answer is refused", async (t) => {
  for (const domain of ["nowhere.example", "mx.sender.example"])
    t.deepEqual(await judged(`a@${domain}`), [
      `550 5.1.8 The sender's domain, ${domain}, cannot be answered`,
      "SENDER_DOMAIN_UNKNOWN=5",
    ]);
  t.deepEqual(await judged("a@b\r\nc"), ["550 5.1.8 The sender's domain, a@b??c, cannot be answered", "SENDER_DOMAIN_UNKNOWN=5"]);
});

test("sender domain: one that takes no mail sends none", async (t) => {
  for (const domain of ["null.example", "dot.example"])
    t.deepEqual(await judged(`a@${domain}`), [
      `550 5.7.27 The sender's domain, ${domain}, takes no mail`,
      "SENDER_DOMAIN_NULL_MX=5",
    ]);
});

test("sender domain: a DNS that is down defers, or lets through where it is told to", async (t) => {
  t.deepEqual(await judged("a@lost.example"), ["451 4.1.8 The DNS cannot tell about lost.example now"]);
  t.deepEqual(await judged("a@lost.example", { down: "accept" }), [undefined]);
});

test("sender domain: our own from strangers is let through, counted or refused", async (t) => {
  t.deepEqual(await judged("alice@postern.example"), [undefined]);
  t.deepEqual(await judged("alice@Postern.example", { ours: { action: "score", score: 3 } }), [
    undefined,
    "SENDER_DOMAIN_OURS=3",
  ]);
  t.deepEqual(await judged("alice@postern.example", { ours: { action: "refuse", score: 3 } }), [
    "550 5.7.1 postern.example is a domain of ours, and you are not",
    "SENDER_DOMAIN_OURS=3",
  ]);
});

test("sender domain: the null sender and addresses in brackets have none, and relays of ours are believed", async (t) => {
  t.deepEqual(await judged(""), [undefined]);
  t.deepEqual(await judged("a@[192.0.2.1]"), [undefined]);
  t.deepEqual(await judged("a@nowhere.example", {}, testVisit({ trusted: true })), [undefined]);
});
