// DMARC through the filter: whom SPF and DKIM speak for, and what the domain in From asks for.

import test from "ava";
import type { Zone } from "./test/scene.ts";
import { fakeDns } from "../test/scene.ts";
import { EXAMPLE, MESSAGE, play, RSA, signed, txt } from "./test/scene.ts";

const STRANGER = "198.51.100.9";
/** The stranger's own domain: SPF passes for it. */
const FORGER: Zone = {
  ...EXAMPLE,
  "forger.example": txt("v=spf1 ip4:198.51.100.9 -all"),
  "f._domainkey.forger.example": txt(RSA.record),
  "news.example.com": txt("v=spf1 ip4:192.0.2.7 -all"),
  "f._domainkey.news.example.com": txt(RSA.record),
};
const forged = { message: MESSAGE, ip: STRANGER, sender: "x@forger.example", zone: FORGER };
const withPolicy = (policy: string): Zone => ({ ...FORGER, "_dmarc.example.com": txt(policy) });
const dmarc = (results: readonly string[]) => results.find((result) => result.startsWith("dmarc="));
const REFUSED = "550 5.7.1 The message does not come from example.com, whose DMARC policy asks to reject it";

test("a forged author is refused when the domain asks for it", async (t) => {
  const { reply, stage, results, symbols } = await play(forged);
  t.is(reply, REFUSED);
  t.is(stage, "header");
  t.is(dmarc(results), "dmarc=fail policy.dmarc=reject header.from=example.com");
  t.is(symbols["DMARC_FAIL_REJECT"], 10);
});

test("quarantine counts, none hardly does, no record nothing", async (t) => {
  const quarantine = await play({ ...forged, zone: withPolicy("v=DMARC1; p=quarantine") });
  t.is(quarantine.symbols["DMARC_FAIL_QUARANTINE"], 6);
  t.is(quarantine.reply, undefined);
  t.is((await play({ ...forged, zone: withPolicy("v=DMARC1; p=none") })).symbols["DMARC_FAIL_NONE"], 1);
  const none = await play({ ...forged, zone: withPolicy("nothing") });
  t.is(dmarc(none.results), "dmarc=none header.from=example.com");
  t.deepEqual(Object.keys(none.symbols), ["SPF_PASS"]);
});

test("score and mark never refuse, off does not look", async (t) => {
  t.is((await play({ ...forged, settings: { dmarc: "score" } })).symbols["DMARC_FAIL_REJECT"], 10);
  t.is((await play({ ...forged, settings: { dmarc: "score" } })).reply, undefined);
  t.is((await play({ ...forged, settings: { dmarc: "mark" } })).symbols["DMARC_FAIL_REJECT"], 0);
  const dns = fakeDns(FORGER);
  t.is(dmarc((await play({ ...forged, dns, settings: { dmarc: "off" } })).results), undefined);
  t.false(dns.asked.some((question) => question.includes("_dmarc")));
});

test("a signature of the author's domain is enough, wherever the message comes from", async (t) => {
  const { results, reply } = await play({ ...forged, message: await signed(MESSAGE) });
  t.is(dmarc(results), "dmarc=pass header.from=example.com");
  t.is(reply, undefined);
});

test("relaxed alignment takes a subdomain, strict alignment does not", async (t) => {
  const viaNews = { message: MESSAGE, sender: "x@news.example.com" };
  t.is(dmarc((await play({ ...viaNews, zone: withPolicy("v=DMARC1; p=reject") })).results), "dmarc=pass header.from=example.com");
  t.is((await play({ ...viaNews, zone: withPolicy("v=DMARC1; p=reject; aspf=s") })).reply, REFUSED);
  const message = await signed(MESSAGE, { domain: "news.example.com", selector: "f" });
  t.is((await play({ ...forged, message, zone: withPolicy("v=DMARC1; p=reject; aspf=s") })).reply, undefined);
  t.is((await play({ ...forged, message, zone: withPolicy("v=DMARC1; p=reject; adkim=s") })).reply, REFUSED);
});

test("a subdomain has the policy that sp says, one that does not exist the policy of np", async (t) => {
  const message = MESSAGE.replace("alice@example.com", "alice@news.example.com");
  const zone = withPolicy("v=DMARC1; p=reject; sp=quarantine; np=reject");
  t.is(
    (await play({ ...forged, message, zone: { ...zone, "news.example.com": { A: ["192.0.2.1"] } } })).symbols[
      "DMARC_FAIL_QUARANTINE"
    ],
    6,
  );
  const nobody = MESSAGE.replace("alice@example.com", "alice@nobody.example.com");
  t.regex((await play({ ...forged, message: nobody, zone })).reply ?? "", /^550 5\.7\.1 /);
  const onlyMail = { ...zone, "nobody.example.com": { MX: [{ exchange: "mx.example.com", priority: 10 }] } };
  t.is((await play({ ...forged, message: nobody, zone: onlyMail })).reply, undefined);
});

test("pct=0 asks for the next weaker policy, pct=100 for all of it", async (t) => {
  const none = await play({ ...forged, zone: withPolicy("v=DMARC1; p=reject; pct=0") });
  t.is(none.symbols["DMARC_FAIL_QUARANTINE"], 6);
  t.is((await play({ ...forged, zone: withPolicy("v=DMARC1; p=quarantine; pct=0") })).symbols["DMARC_FAIL_NONE"], 1);
  t.is((await play({ ...forged, zone: withPolicy("v=DMARC1; p=reject; pct=100") })).reply, REFUSED);
});

test("a policy that the DNS cannot tell now: accepted, or deferred", async (t) => {
  const zone = { ...FORGER, "_dmarc.example.com": "down" as const };
  const accepted = await play({ ...forged, zone });
  t.is(dmarc(accepted.results), "dmarc=temperror header.from=example.com");
  t.is(accepted.reply, undefined);
  const deferred = await play({ ...forged, zone, settings: { dnsDown: "defer" } });
  t.is(deferred.reply, "451 4.7.5 The DMARC policy of example.com cannot be applied now");
});

test("a key of the author's domain that the DNS cannot tell now may have been a yes; one of another's may not", async (t) => {
  const zone = { ...FORGER, "s1._domainkey.example.com": "down" as const, "f._domainkey.forger.example": "down" as const };
  const own = await play({ ...forged, zone, message: await signed(MESSAGE) });
  t.is(dmarc(own.results), "dmarc=temperror header.from=example.com");
  t.is(own.reply, undefined);
  t.is(
    (await play({ ...forged, zone, message: await signed(MESSAGE, { domain: "forger.example", selector: "f" }) })).reply,
    REFUSED,
  );
});

test("a stranger whose DNS uses up all questions is not let in by that", async (t) => {
  // Four signatures with keys that come late, and a fifth that claims to be the author's.
  let message = await signed(MESSAGE, { selector: "s1" });
  for (const selector of ["a", "b", "c", "d"]) message = await signed(message, { domain: "forger.example", selector });
  let asked = 0;
  const honest = fakeDns(FORGER);
  const dns: Pick<typeof honest, "ask" | "asked"> = {
    asked: honest.asked,
    ask: (name, type) =>
      name.endsWith("_domainkey.forger.example") && ++asked < 100
        ? Promise.resolve({ state: "down", reason: "slow" })
        : honest.ask(name, type),
  };
  const { reply } = await play({ ...forged, message: message.replace("hungry", "thirsty"), dns, settings: { maxQuestions: 2 } });
  t.regex(reply ?? "", /^(550 5\.7\.1|451 4\.7\.5) /);
});

test("several authors are judged by the one that asks for most", async (t) => {
  const zone = { ...FORGER, "_dmarc.forger.example": txt("v=DMARC1; p=none") };
  const two = MESSAGE.replace("From: ", "From: Mallory <m@forger.example>, ");
  t.is((await play({ ...forged, zone, message: two })).reply, REFUSED);
  const twice = MESSAGE.replace("From: ", "From: Mallory <m@forger.example>\r\nFrom: ");
  t.is((await play({ ...forged, zone, message: twice })).reply, REFUSED);
  const crowd = MESSAGE.replace("From: ", `From: ${Array.from({ length: 20 }, (_, n) => `a@d${n}.example, `).join("")}`);
  t.regex((await play({ ...forged, zone, message: crowd })).reply ?? "", /^550 5\.7\.1 .*the domains in From/);
});

test("a message without an author is counted", async (t) => {
  const { symbols, reply } = await play({ ...forged, message: MESSAGE.replace(/^From:.*\r\n/, "") });
  t.is(symbols["DMARC_NO_AUTHOR"], 6);
  t.is(reply, undefined);
});

test("a From that is made unreadable is refused", async (t) => {
  const message = MESSAGE.replace("From: ", `From: ${" a".repeat(5000)} `);
  t.regex((await play({ ...forged, message })).reply ?? "", /^550 5\.7\.1 /);
});

for (const from of [
  "<x@forger.example> <alice@example.com>",
  "<x@forger.example>alice@example.com",
  "<x@forger.example> , Alice <alice@example.com>",
  "Alice <<alice@example.com>",
  "alice@example .com",
  "alice@example.\r\n com",
  '"Alice <alice@example.com>',
  "<@forger.example:alice@example.com>",
]) {
  test(`the author may be whomever some program shows: ${JSON.stringify(from)}`, async (t) => {
    const { reply } = await play({ ...forged, message: `From: ${from}\r\n\r\nHello\r\n` });
    t.regex(String(reply), /^550 5\.7\.1/);
  });
}

for (const from of [
  "alice@example.com <x@forger.example>",
  '"alice@example.com" <x@forger.example>',
  "Alice (alice@example.com) <x@forger.example>",
  "Dr. A. Forger @ home <x@forger.example>",
  "A: b@c <x@forger.example>",
  '"x, y"@forger.example',
  "X@Forger.Example.",
]) {
  test(`what stands in a name or a comment is no author: ${JSON.stringify(from)}`, async (t) => {
    const { reply, results } = await play({ ...forged, message: `From: ${from}\r\n\r\nHello\r\n` });
    t.is(reply, undefined);
    t.regex(String(dmarc(results)), /^dmarc=none header\.from=forger\.example\.?$/);
  });
}
