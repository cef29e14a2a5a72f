// SPF through the filter, at the sender: before there is a message.

import test from "ava";
import { EXAMPLE, MESSAGE, play, txt } from "./test/scene.ts";
import { fakeDns } from "../test/scene.ts";

const STRANGER = "198.51.100.9";
const NO_POLICY = { ...EXAMPLE, "_dmarc.example.com": txt("v=DMARC1; p=none") };
const spf = (results: readonly string[]) => results.find((result) => result.startsWith("spf="));

test("a client that may send passes", async (t) => {
  const { results, symbols } = await play({ message: MESSAGE });
  t.is(spf(results), "spf=pass smtp.mailfrom=example.com");
  t.is(symbols["SPF_PASS"], 0);
});

test("a client that may not send is counted, marked, or refused at the sender with 5.7.23", async (t) => {
  const given = { message: MESSAGE, ip: STRANGER, zone: NO_POLICY };
  const counted = await play(given);
  t.is(spf(counted.results), "spf=fail smtp.mailfrom=example.com");
  t.is(counted.symbols["SPF_FAIL"], 4);
  t.is(counted.reply, undefined);
  t.is((await play({ ...given, settings: { spf: "mark" } })).symbols["SPF_FAIL"], 0);
  const refused = await play({ ...given, settings: { spf: "refuse" } });
  t.is(refused.stage, "sender");
  t.is(refused.reply, "550 5.7.23 The SPF record of example.com does not allow your address to send");
});

test("softfail, no record and a broken record are counted and never refused", async (t) => {
  const cases = [
    ["v=spf1 ~all", "SPF_SOFTFAIL", 1],
    ["v=spf1 ?all", "SPF_NONE", 0],
    ["no SPF here", "SPF_NONE", 0],
    ["v=spf1 ip4:nonsense -all", "SPF_ERROR", 1],
  ] as const;
  for (const [record, symbol, score] of cases) {
    const zone = { ...NO_POLICY, "example.com": txt(record) };
    const { symbols, reply } = await play({ message: MESSAGE, ip: STRANGER, zone, settings: { spf: "refuse" } });
    t.is(symbols[symbol], score, record);
    t.is(reply, undefined, record);
  }
});

test("a DNS that is down: accepted with temperror, or deferred with 4.7.24", async (t) => {
  const zone = { ...NO_POLICY, "example.com": "down" as const };
  const accepted = await play({ message: MESSAGE, zone });
  t.is(spf(accepted.results), "spf=temperror smtp.mailfrom=example.com");
  t.is(accepted.reply, undefined);
  const deferred = await play({ message: MESSAGE, zone, settings: { dnsDown: "defer" } });
  t.is(deferred.stage, "sender");
  t.is(deferred.reply, "451 4.7.24 The SPF record of example.com cannot be looked up now");
  t.is((await play({ message: MESSAGE, zone, settings: { dnsDown: "defer", spf: "mark" } })).reply, undefined);
});

test("the empty sender is judged by the hello", async (t) => {
  const zone = { ...EXAMPLE, "mail.example.com": txt("v=spf1 ip4:192.0.2.7 -all") };
  const { results } = await play({ message: MESSAGE, sender: "", zone });
  t.is(spf(results), "spf=pass smtp.helo=mail.example.com");
  t.is((await play({ message: MESSAGE, sender: "", zone, ip: STRANGER, settings: { spf: "refuse" } })).stage, "sender");
});

test("a client at a unix socket is no stranger", async (t) => {
  const { results, reply, held } = await play({ message: MESSAGE, ip: "", settings: { dnsDown: "defer" } });
  t.deepEqual([results, reply, held], [[], undefined, false]);
});

test("includes without end cost a bounded number of questions", async (t) => {
  const loop = Object.fromEntries(
    Array.from({ length: 50 }, (_, index) => [
      `i${index}.example.com`,
      txt(`v=spf1 include:i${index + 1}.example.com mx ptr -all`),
    ]),
  );
  const dns = fakeDns({ ...NO_POLICY, ...loop, "example.com": txt("v=spf1 include:i0.example.com -all") });
  const { results } = await play({ message: MESSAGE, ip: STRANGER, dns });
  t.is(spf(results), "spf=permerror smtp.mailfrom=example.com");
  t.true(dns.asked.length < 40, String(dns.asked.length));
});

test("names that the DNS cannot hold are never asked", async (t) => {
  const dns = fakeDns(NO_POLICY);
  for (const sender of [
    "a@exa mple.com",
    "a@\u0000x.com",
    `a@${"x".repeat(70)}.com`,
    `a@${"xy.".repeat(120)}com`,
    "a@..",
    '"@"@[127.0.0.1]',
  ])
    t.is((await play({ message: MESSAGE, sender, dns })).reply, undefined, sender);
  t.true(dns.asked.every((question) => /^[A-Z]+ [\x21-\x7e]{1,253}$/.test(question)));
});

test("what strangers say cannot end the reply or the field", async (t) => {
  const { field, edits } = await play({
    message: MESSAGE,
    sender: 'a"\r\nX: y@example.com',
    hello: "x\r\nEvil: 1",
    settings: { receivedSpf: true },
  });
  t.notRegex(field ?? "", /[\r\n\0]/);
  const received = edits.find((edit) => edit.do === "prepend" && edit.name === "Received-SPF");
  t.true(received?.do === "prepend" && !/[\r\n\0]/.test(received.value));
});

test("Received-SPF is added where it is wanted", async (t) => {
  const { edits } = await play({ message: MESSAGE, settings: { receivedSpf: true } });
  const received = edits.find((edit) => edit.do === "prepend" && edit.name === "Received-SPF");
  t.regex(
    received?.do === "prepend" ? received.value : "",
    /^pass \(.*\) client-ip=192\.0\.2\.7; envelope-from="?alice@example\.com"?; helo=mail\.example\.com;?$/,
  );
});

test("with all checks of the message off nothing is held, and SPF is written with the header", async (t) => {
  const { held, field } = await play({ message: MESSAGE, settings: { dkim: "off", dmarc: "off", arc: "off" } });
  t.false(held);
  t.is(field, "mx.postern.example; spf=pass smtp.mailfrom=example.com");
});
