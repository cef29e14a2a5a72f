// The edge defences in the real program, with two workers and a DNS of the test's own: forged authors and results, hellos, lists,
// rates that all workers count together.

import test from "ava";
import { startDefences, type Defences } from "./defences.ts";
import { bring, REPLY } from "./inbound.ts";

const DNS = {
  "bank.example": { MX: ["10 mx.bank.example"], TXT: ["v=spf1 ip4:198.51.100.1 -all"] },
  "_dmarc.bank.example": { TXT: ["v=DMARC1; p=reject"] },
  "evil.example": { MX: ["10 mx.evil.example"], TXT: ["v=spf1 ip4:192.0.2.0/24 -all"] },
  "mail.evil.example": { A: ["192.0.2.7"] },
  "6.2.0.192.list.example": { A: ["127.0.0.2"], TXT: ["known for spam"] },
  "8.2.0.192.list.example": { A: ["198.51.100.9"] },
} as const;

let house: Defences;

test.before(async () => {
  const filters = {
    rates: { on: true, address: { messages: 3 }, window: "1h", exempt: "192.0.2.0/24" },
    senderAuthentication: { on: true },
    score: { on: true },
    hello: { on: true, unresolvable: "off" },
    dnsLists: { on: true, lists: [{ zone: "list.example" }] },
  };
  house = await startDefences({ workers: 2, filters }, { dns: DNS });
});

test.after.always(() => house?.stop());

interface Client {
  readonly host?: string;
  readonly hello?: string;
}

/** The last reply, and the header as the backend has it, unfolded. */
async function sent(header: string, { host = "192.0.2.7", hello = "mail.evil.example" }: Client = {}) {
  const { taken } = house.sinks["mbx1"] ?? { taken: [] };
  const before = taken.length;
  const talk = await house.from(host);
  await talk.until(REPLY);
  const greeted = await talk.ask(`EHLO ${hello}\r\n`, REPLY);
  const said = greeted.startsWith("2")
    ? await bring(talk, ["alice@example.com"], `${header}\r\n\r\nHello\r\n`, "x@evil.example")
    : [greeted];
  talk.close();
  const no = said.find((reply) => /^[45]/.test(reply));
  return { reply: no ?? said.at(-1) ?? "", header: (taken[before]?.content ?? "").replaceAll(/\r\n[ \t]/g, " ") };
}

for (const from of [
  "From: a@bank.example",
  "From : <a@BANK.example.>",
  "From: x@evil.example\r\nFrom: a@bank.example",
  "From: x@evil.example, a@bank.example",
  "From: u: x@evil.example, a@bank.example;",
  "From: <x@evil.example> <a@bank.example>",
  "From: <x@evil.example>a@bank.example",
  "From: a@bank\r\n .example",
]) {
  test.serial(`defences: a forged author is refused: ${JSON.stringify(from)}`, async (t) => {
    t.regex((await sent(from)).reply, /^550 5\.7\.1 .*bank\.example\.?, whose DMARC policy asks to reject it/);
  });
}

for (const forged of [
  "Authentication-Results: mail.example.com; spf=pass",
  "authentication-RESULTS : MAIL.EXAMPLE.COM.; spf=pass",
  'Authentication-Results: (x) "mail.example.com" 1; spf=pass',
  "Authentication-Results:\r\n\tmail.example.com(;spf=pass",
  "Authentication-Results: spf=pass",
  "X-Spam-Flag: NO",
  "X-Postern-Score: -100",
]) {
  test.serial(`defences: what a stranger forges of our fields is taken out: ${JSON.stringify(forged)}`, async (t) => {
    const { reply, header } = await sent(`${forged}\r\nFrom: x@evil.example`);
    t.regex(reply, /^250/);
    t.deepEqual(header.match(/^(?:authentication-results|x-spam|x-postern).*$/gim), [
      "Authentication-Results: mail.example.com; spf=pass smtp.mailfrom=evil.example; dmarc=none header.from=evil.example; dkim=none",
    ]);
  });
}

for (const [hello, words] of [
  ["mail.example.com", /^550 5\.7\.1 .* is not yours/],
  ["EXAMPLE.com.", /^550 5\.7\.1 .* is not yours/],
  ["192.0.2.7.", /^550 5\.7\.1 .* is an IP address without brackets/],
  ["[10.0.5.1]", /^550 5\.7\.1 .* is not your address/],
  ["[IPv6:::ffff:192.0.2.7]", /^250/],
] as const) {
  test.serial(`defences: a stranger says hello as ${hello}`, async (t) => {
    t.regex((await sent("From: x@evil.example", { hello })).reply, words);
  });
}

test.serial(
  "defences: a listed client is refused in the list's words; a list that answers what none does is not used",
  async (t) => {
    const from = "From: x@evil.example";
    t.regex(
      (await sent(from, { host: "192.0.2.6" })).reply,
      /^550 5\.7\.1 192\.0\.2\.6 is listed by list\.example: known for spam/,
    );
    t.regex((await sent(from, { host: "192.0.2.8" })).reply, /^250/);
    await house.gateway.logged({ message: "A DNS list is not used", zone: "list.example" });
  },
);

test.serial("defences: all workers count an IPv6 /64 as one address", async (t) => {
  const replies: string[] = [];
  for (let n = 1; n <= 5; n++) replies.push((await sent("From: x@evil.example", { host: `2001:db8::${n}` })).reply.slice(0, 9));
  t.deepEqual(replies, ["250 2.0.0", "250 2.0.0", "250 2.0.0", "450 4.7.1", "450 4.7.1"]);
  t.regex((await sent("From: x@evil.example", { host: "2001:db8:0:1::1" })).reply, /^250/);
});
