// ARC through the filter: chains of one and two servers that forwarded a message, and whom of them we believe about DMARC.

import test from "ava";
import type { Zone } from "./test/scene.ts";
import { EXAMPLE, MESSAGE, play, RSA, sealed, signed, txt } from "./test/scene.ts";

const LIST = "198.51.100.50";
const ZONE: Zone = {
  ...EXAMPLE,
  "list.example": txt("v=spf1 ip4:198.51.100.50 -all"),
  "arc._domainkey.list.example": txt(RSA.record),
  "arc._domainkey.relay.example": txt(RSA.record),
};
const SEEN = "mx.list.example; dkim=pass header.d=example.com; dmarc=pass header.from=example.com";
const forwarded = { ip: LIST, sender: "bounce@list.example", zone: ZONE };
const arc = (results: readonly string[]) => results.find((result) => result.startsWith("arc="));

/** As a mailing list does: the subject is changed, the author's signature is broken, and the list seals. */
async function throughList(said = SEEN): Promise<string> {
  const changed = (await signed(MESSAGE)).replace("Subject: Supper", "Subject: [list] Supper");
  return sealed(changed, "list.example", said);
}

test("a chain of one hop passes, and a trusted sealer's word overrides a DMARC failure", async (t) => {
  const message = await throughList();
  const distrusted = await play({ ...forwarded, message });
  t.is(arc(distrusted.results), "arc=pass (i=1 list.example)");
  t.regex(distrusted.reply ?? "", /^550 5\.7\.1 /);
  const trusted = await play({ ...forwarded, message, settings: { trustedSealers: ["list.example"] } });
  t.is(trusted.reply, undefined);
  t.is(trusted.symbols["DMARC_VOUCHED"], 0);
  t.true(trusted.results.includes("dmarc=fail (but passed at list.example, by ARC) policy.dmarc=reject header.from=example.com"));
});

test("the override works even when arc itself is not reported", async (t) => {
  const { reply, results } = await play({
    ...forwarded,
    message: await throughList(),
    settings: { arc: "off", trustedSealers: ["list.example"] },
  });
  t.is(reply, undefined);
  t.is(arc(results), undefined);
});

test("of two hops, everybody who sealed after the one that saw a pass has to be trusted", async (t) => {
  const relayed = "mx.relay.example; arc=pass; dmarc=fail header.from=example.com";
  const message = await sealed(await throughList(), "relay.example", relayed, "pass");
  const by = async (...trustedSealers: string[]) => (await play({ ...forwarded, message, settings: { trustedSealers } })).reply;
  t.is(await by("list.example", "relay.example"), undefined);
  t.regex((await by("list.example")) ?? "", /^550/, "the newest is a stranger");
  t.regex((await by("relay.example")) ?? "", /^550/, "the newest is believed, and saw a failure");
});

test("a word about another domain, or about a failure, overrides nothing", async (t) => {
  for (const said of [
    "mx.list.example; dmarc=pass header.from=other.example",
    "mx.list.example; dmarc=fail header.from=example.com",
    "mx.list.example; dmarc=pass",
    "mx.list.example; spf=pass (dmarc=pass header.from=example.com) smtp.mailfrom=x",
  ]) {
    const { reply } = await play({
      ...forwarded,
      message: await throughList(said),
      settings: { trustedSealers: ["list.example"] },
    });
    t.regex(reply ?? "", /^550 5\.7\.1 /, said);
  }
});

test("a broken chain overrides nothing, is counted, or refused with 5.7.29", async (t) => {
  const message = (await throughList()).replace("hungry", "thirsty");
  const zone = { ...ZONE, "_dmarc.example.com": txt("v=DMARC1; p=none") };
  const given = { ...forwarded, zone, message, settings: { trustedSealers: ["list.example"] } };
  const marked = await play(given);
  t.regex(arc(marked.results) ?? "", /^arc=fail \(i=1 list\.example, i=1 no valid signature\)/);
  t.is(marked.symbols["ARC_FAIL"], 0);
  t.false("DMARC_VOUCHED" in marked.symbols);
  t.is((await play({ ...given, settings: { arc: "score" } })).symbols["ARC_FAIL"], 1);
  t.is((await play({ ...given, settings: { arc: "refuse" } })).reply, "550 5.7.29 The ARC chain of the message is broken");
});

test("a seal that was forged in a trusted name overrides nothing", async (t) => {
  const zone = { ...ZONE, "arc._domainkey.list.example": txt("v=DKIM1; p=") };
  const { reply, results } = await play({
    ...forwarded,
    zone,
    message: await throughList(),
    settings: { trustedSealers: ["list.example"] },
  });
  t.regex(arc(results) ?? "", /^arc=fail/);
  t.regex(reply ?? "", /^550 5\.7\.1 /);
});

test("seals whose keys the DNS cannot tell now are no broken chain", async (t) => {
  const zone = { ...ZONE, "arc._domainkey.list.example": "down" as const, "_dmarc.example.com": txt("v=DMARC1; p=none") };
  const given = { ...forwarded, zone, message: await throughList() };
  const { results, reply } = await play({ ...given, settings: { arc: "refuse" } });
  t.regex(arc(results) ?? "", /^arc=temperror/);
  t.is(reply, undefined);
  t.is(
    (await play({ ...given, settings: { arc: "refuse", dnsDown: "defer" } })).reply,
    "451 4.7.5 The ARC seals cannot be checked now",
  );
});
