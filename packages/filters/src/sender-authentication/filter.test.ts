// The filter as a whole: whom it leaves alone, what it removes, and how much work a message can make.

import test from "ava";
import * as fc from "fast-check";
import { ED25519, EXAMPLE, MESSAGE, play, signed, txt } from "./test/scene.ts";
import { fakeDns, valuesOf } from "../test/scene.ts";
import { senderAuthentication } from "./index.ts";

const FORGED = "Authentication-Results: MX.postern.example; dkim=pass header.d=bank.example\r\n";
const OTHERS = "Authentication-Results: mx.example.org; dkim=pass\r\n";
const OPEN = { ...EXAMPLE, "_dmarc.example.com": txt("v=DMARC1; p=none") };
const result = (results: readonly string[], method: string) => results.find((one) => one.startsWith(`${method}=`));

test("results that claim to be ours are removed from strangers' messages, also when no check is on", async (t) => {
  const message = OTHERS + FORGED + MESSAGE;
  const removal = { do: "remove", name: "Authentication-Results", nth: 2 };
  const off = { spf: "off", dkim: "off", dmarc: "off", arc: "off" } as const;
  t.deepEqual((await play({ message, settings: off })).edits, [removal]);
  t.deepEqual((await play({ message })).edits[0], removal);
  t.deepEqual((await play({ message, settings: { ...off, authservId: "mx.example.org" } })).edits, [{ ...removal, nth: 1 }]);
});

test("trusted visits are left alone, exempt networks are not checked", async (t) => {
  const dns = fakeDns(EXAMPLE);
  const trusted = await play({ message: FORGED + MESSAGE, trusted: true, ip: "198.51.100.9", dns });
  t.deepEqual([trusted.edits, trusted.results, trusted.reply, trusted.held], [[], [], undefined, false]);
  const exempt = [{ address: "198.51.100.0", prefix: 24, family: "ipv4" as const }];
  const spared = await play({ message: FORGED + MESSAGE, ip: "198.51.100.9", dns, settings: { exempt } });
  t.deepEqual(spared.edits, [{ do: "remove", name: "Authentication-Results", nth: 1 }]);
  t.deepEqual([spared.results, spared.reply, spared.held], [[], undefined, false]);
  t.deepEqual(dns.asked, []);
});

test("it is off by default, and believes no sealer when DMARC is off", (t) => {
  t.is(senderAuthentication.build(valuesOf(senderAuthentication), {} as never), undefined);
  t.deepEqual(senderAuthentication.contradictions?.(valuesOf(senderAuthentication)), []);
  t.is(
    senderAuthentication.contradictions?.(valuesOf(senderAuthentication, { dmarc: "off", trustedSealers: ["a.example"] })).length,
    1,
  );
});

const LARGE = MESSAGE + `${"x".repeat(70)}\r\n`.repeat(2000);

test("a message that is too large is not checked for signatures, and says so", async (t) => {
  const message = await signed(LARGE);
  const { results, symbols, held } = await play({ message, settings: { maxMessage: 65_536 } });
  t.true(held);
  t.is(result(results, "dkim"), "dkim=policy (not checked: the message is too large)");
  t.is(result(results, "dmarc"), "dmarc=pass header.from=example.com", "SPF speaks for it");
  t.is(symbols["DKIM_NOT_CHECKED"], 0);
});

test("signatures cover the header as it came, with the fields that the gateway strips", async (t) => {
  const message = await signed(MESSAGE.replace("Subject:", "Importance: high\r\nReply-To: a@example.com\r\nSubject:"));
  const stripped = message.slice(0, message.indexOf("\r\n\r\n") + 2).replace(/^Reply-To:.*\r\n/m, "");
  t.regex(result((await play({ message, stripped })).results, "dkim") ?? "", /^dkim=pass/);
});

test("where the size kept signatures from being checked, DMARC counts, but does not refuse", async (t) => {
  const message = await signed(LARGE);
  const { symbols, reply } = await play({ message, ip: "198.51.100.9", settings: { maxMessage: 65_536 } });
  t.is(symbols["DMARC_FAIL_QUARANTINE"], 6);
  t.is(reply, undefined);
});

test("an unsigned message is decided with its header: nothing is held, however large it is", async (t) => {
  const { held, stage, reply } = await play({ message: LARGE, ip: "198.51.100.9", settings: { maxMessage: 65_536 } });
  t.false(held);
  t.is(stage, "header");
  t.regex(reply ?? "", /^550 5\.7\.1 /);
});

test("of very many signatures the first few are looked at, and as many keys are asked for", async (t) => {
  const one = await signed(MESSAGE);
  const signature = one.slice(0, one.indexOf("From:"));
  const many = (count: number) =>
    Array.from({ length: count }, (_, index) => signature.replace("s=s1;", `s=x${index};`)).join("") + MESSAGE;
  const dns = fakeDns(OPEN);
  const { results } = await play({ message: many(250), dns });
  t.is(results.filter((text) => text.startsWith("dkim=")).length, 6);
  t.true(results.includes("dkim=policy (245 more not looked at)"));
  t.is(dns.asked.filter((question) => question.includes("_domainkey")).length, 5);
  const thousand = await play({ message: many(1000), dns });
  t.is(result(thousand.results, "dkim"), "dkim=policy (not checked: the message is too complex)");
  t.is(dns.asked.filter((question) => question.includes("_domainkey")).length, 5, "no more than before");
});

test("a header that is written to make work is not looked at, and its signatures count as not there", async (t) => {
  const good = await signed(MESSAGE);
  const costly = [
    `X: ${"a\r\n ".repeat(6000)}b\r\n${good}`,
    `${"y:\r\n".repeat(2500)}${good}`,
    `X: ${"a ".repeat(150_000)}\r\n${good}`,
    `Content-Type: text/plain; ${"a=b;".repeat(3000)}\r\n${good}`,
  ];
  for (const message of costly) {
    const { results, reply, held } = await play({ message, ip: "198.51.100.9" });
    t.is(result(results, "dkim"), "dkim=policy (not checked: the message is too complex)");
    t.regex(reply ?? "", /^550 5\.7\.1 /);
    t.false(held);
  }
});

test("a line without end is given up", async (t) => {
  const { results, reply } = await play({ message: (await signed(MESSAGE)) + "z".repeat(400_000), ip: "198.51.100.9" });
  t.is(result(results, "dkim"), "dkim=policy (not checked: the message is too complex)");
  t.regex(reply ?? "", /^550 5\.7\.1 /);
});

test("signatures that name very many fields, or are very long, are left out", async (t) => {
  const good = await signed(MESSAGE, { selector: "s2", key: ED25519 });
  const names = `DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=s1; h=${"from:".repeat(500)}to; bh=AA==; b=AA==\r\n`;
  const long = `DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=s1; h=from; bh=AA==; b=${"A".repeat(9000)}\r\n`;
  const { results } = await play({ message: names + long + good });
  t.regex(result(results, "dkim") ?? "", /^dkim=pass/);
  t.true(results.includes("dkim=policy (2 more not looked at)"));
});

test("whatever a stranger sends, the filter answers, and its field is one clean line", async (t) => {
  const pieces = fc.constantFrom(
    "From: a@example.com\r\n",
    "From: ",
    "\r\n",
    "\r\n\r\n",
    "\n",
    "\r",
    "\0",
    "DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=s1; h=from; bh=; b=\r\n",
    'DKIM-Signature: v=1; a=ed25519-sha256; c=simple/simple; d="; l=3; s=s2; h=from; bh=x; b="(\r\n',
    "ARC-Seal: i=1; cv=none; a=rsa-sha256; d=x; s=y; b=z\r\n",
    "ARC-Message-Signature: i=1; a=rsa-sha256; d=example.com; s=s1; h=from; bh=x; b=y\r\n",
    "ARC-Authentication-Results: i=1; x; dmarc=pass header.from=example.com\r\n",
    "Authentication-Results: mx.postern.example; x\r\n",
    " folded\r\n",
    '<<@>>,;:"(',
    "=?utf-8?q?x?=",
    "\u202e\u00e9",
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(pieces, fc.string()), { maxLength: 30 }),
      fc.integer({ min: 1, max: 50 }),
      async (parts, piece) => {
        const { field, log } = await play({ message: parts.join(""), piece, dns: fakeDns(OPEN) });
        t.regex(field ?? "", /^mx\.postern\.example; [\x20-\x7e]+$/);
        t.is(log, "[]");
      },
    ),
    { numRuns: 150 },
  );
});
