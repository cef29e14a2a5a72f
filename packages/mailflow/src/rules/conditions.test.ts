// Every condition: what fits it, what does not, and at which stage it is known.
/* oxlint-disable unicorn/no-thenable -- "then" is the word of the configuration; it holds a list, and nobody awaits it. */

import test from "ava";
import { replyOf, Scene, type Told } from "../test/scene.ts";
import type { LooseRule } from "../test/rule-of.ts";

interface Case {
  readonly when: LooseRule["when"];
  readonly fits: readonly Told[];
  readonly misses: readonly Told[];
  /** Where a rule that refuses says so. */
  readonly at: string;
}

const UTC_THURSDAY_NOON = "the scene's clock stands at a Thursday, 12:00 UTC";

const CASES: Readonly<Record<string, Case>> = {
  "client, by network": {
    when: { client: ["192.0.2.0/24", "2001:db8::/32"] },
    fits: [{}, { client: "2001:db8::1" }, { client: "::ffff:192.0.2.9" }],
    misses: [{ client: "198.51.100.1" }, { client: "" }],
    at: "connect",
  },
  trusted: { when: { trusted: true }, fits: [{ trusted: true }], misses: [{}], at: "connect" },
  "not trusted": { when: { trusted: false }, fits: [{}], misses: [{ trusted: true }], at: "connect" },
  [`time, in hours: ${UTC_THURSDAY_NOON}`]: {
    when: { time: { from: "12:00", to: "12:01" } },
    fits: [{}],
    misses: [],
    at: "connect",
  },
  "time, in another zone": {
    when: { time: { from: "20:59", to: "21:01", zone: "Asia/Tokyo", days: "thu" } },
    fits: [{}],
    misses: [],
    at: "connect",
  },
  "time, over": { when: { time: { from: "08:00", to: "12:00" } }, fits: [], misses: [{}], at: "connect" },
  "time, on another day": { when: { time: { days: ["fri", "wed"] } }, fits: [], misses: [{}], at: "connect" },
  hello: {
    when: { hello: ["*.dynamic.*", "LOCALHOST"] },
    fits: [{ hello: "a.Dynamic.isp.net" }, { hello: "localhost" }],
    misses: [{}, { hello: "dynamic" }],
    at: "hello",
  },
  authenticated: { when: { authenticated: true }, fits: [], misses: [{}], at: "sender" },
  sender: {
    when: { sender: ["Amy@Example.NET", "*-bounces@lists.*"] },
    fits: [{}, { sender: '"AMY"@example.net' }, { sender: "x-bounces@lists.example.org" }],
    misses: [{ sender: "" }, { sender: "amy@example.net.evil" }, { sender: "bob@x" }, { sender: "x-bounces@lists" }],
    at: "sender",
  },
  "the null sender": { when: { sender: "" }, fits: [{ sender: "" }], misses: [{}], at: "sender" },
  "any sender, the null one too": { when: { sender: "*" }, fits: [{}, { sender: "" }], misses: [], at: "sender" },
  senderDomain: {
    when: { senderDomain: ["example.net", "*.bücher.example"] },
    fits: [{}, { sender: "a@EXAMPLE.net" }, { sender: "a@x.xn--bcher-kva.example" }, { sender: "a@x.bücher.example" }],
    misses: [{ sender: "" }, { sender: "a@sub.example.net" }, { sender: "a@badexample.net" }, { sender: "example.net@x" }],
    at: "sender",
  },
  recipient: {
    when: { recipient: "new@example.com" },
    fits: [{ recipients: ["new@example.com"] }, { recipients: ["old@example.com"] }, { recipients: ['"New"@EXAMPLE.com'] }],
    misses: [{}, { recipients: ["newer@example.com"] }],
    at: "recipient",
  },
  recipientDomain: {
    when: { recipientDomain: ["*.example.com", "other.example"] },
    fits: [{ recipients: ["a@b.example.com"] }, { recipients: ["a@OTHER.example"] }],
    misses: [{}],
    at: "recipient",
  },
  header: {
    when: { header: { subject: ["*INVOICE*", "re:*"], "X-Marked": "*" } },
    fits: [{ header: "Subject: your invoice 7\nX-Marked:" }, { header: "Subject: Re: hello\nx-marked: 1" }],
    misses: [{ header: "Subject: your invoice 7" }, { header: "X-Marked: 1" }, { header: "Subject: hello\nX-Marked: 1" }],
    at: "header",
  },
  "header, folded and repeated": {
    when: { header: { "X-Spam": "yes *" } },
    fits: [{ header: "X-Spam: no\nX-Spam: yes\n 12" }],
    misses: [{ header: "X-Spam: no" }],
    at: "header",
  },
  "header, in words of RFC 2047, as they are read and as they are written": {
    when: { header: { Subject: ["*invoice*", "=?utf-8?*"] } },
    fits: [
      { header: "Subject: your =?utf-8?B?SW52b2ljZQ==?= 7" },
      { header: "Subject: =?us-ascii?q?in?=\n =?us-ascii?q?voice?=" },
      { header: "Subject: =?utf-8?q?x?=" },
    ],
    misses: [{ header: "Subject: a =?utf-8?q?x?=" }],
    at: "header",
  },
  "header that is not there": {
    when: { not: { header: { "Message-ID": "*" } } },
    fits: [{}],
    misses: [{ header: "message-id: <x>" }],
    at: "header",
  },
  kind: {
    when: { kind: ["voice", "fax"] },
    fits: [{ kind: "voice" }, { kind: "fax" }],
    misses: [{}, { kind: "missed-call" }],
    at: "header",
  },
  "size over": { when: { size: { over: 1000 } }, fits: [{ size: 1001 }], misses: [{ size: 1000 }], at: "content" },
  "size between": {
    when: { size: { over: 10, under: "1kB" } },
    fits: [{ size: 11 }, { size: 1023 }],
    misses: [{ size: 10 }, { size: 1024 }],
    at: "content",
  },
  score: { when: { score: 7.5 }, fits: [{ score: 7.5 }, { score: 99 }], misses: [{ score: 7.4 }, {}], at: "content" },
  finding: {
    when: { finding: ["DNSLIST_*", "VIRUS"] },
    fits: [{ symbol: "DNSLIST_ZEN" }, { symbol: "virus" }],
    misses: [{}, { symbol: "VIRUSES" }],
    at: "content",
  },
  "all of several": {
    when: { sender: "amy@example.net", recipient: "bob@example.com", kind: "voice" },
    fits: [{ kind: "voice" }],
    misses: [{}, { kind: "voice", sender: "" }, { kind: "voice", recipients: ["carol@example.com"] }],
    at: "header",
  },
  "none of what not names": {
    when: { senderDomain: "example.net", not: { sender: "amy@example.net", client: "198.51.100.0/24" } },
    fits: [{ sender: "bob@example.net" }],
    misses: [{}, { sender: "bob@example.net", client: "198.51.100.9" }, { sender: "bob@example.org" }],
    at: "sender",
  },
  nothing: { when: {}, fits: [{}], misses: [], at: "connect" },
};

for (const [name, { when, fits, misses, at }] of Object.entries(CASES)) {
  test(`condition: ${name}`, async (t) => {
    const rules = [{ when: when ?? {}, then: { refuse: "No" } }];
    for (const told of fits) {
      const outcome = await new Scene(rules).send(told);
      t.deepEqual([outcome.answer?.action, outcome.at.split(" ")[0]], ["stop", at], JSON.stringify(told));
    }
    for (const told of misses) t.is(replyOf(await new Scene(rules).send(told)), "", JSON.stringify(told));
  });
}

test("condition: findings of the connection count too", async (t) => {
  const scene = new Scene([{ when: { finding: "EARLY", score: 3 }, then: { refuse: "No" } }]);
  const visit = scene.visit();
  visit.findings.push({ symbol: "EARLY", score: 3, text: "" });
  t.is(replyOf(await scene.send({}, visit)), "550 5.7.1 No");
});

test("time: a span over midnight belongs to the day on which it begins", async (t) => {
  const scene = new Scene([
    { when: { time: { days: "fri", from: "22:00", to: "06:00", zone: "Europe/Zurich" } }, then: { defer: "Asleep" } },
  ]);
  const at = async (...utc: [number, number, number]): Promise<string> => {
    scene.now = Date.UTC(2026, 0, ...utc);
    return replyOf(await scene.send());
  };
  t.is(await at(2, 20, 59), "", "Friday 21:59");
  t.is(await at(2, 21, 0), "421 4.7.1 Asleep", "Friday 22:00");
  t.is(await at(3, 4, 59), "421 4.7.1 Asleep", "Saturday 05:59");
  t.is(await at(3, 5, 0), "", "Saturday 06:00");
  t.is(await at(3, 21, 30), "", "Saturday 22:30");
  t.is(await at(2, 3, 0), "", "Friday 04:00");
});

test("patterns: many stars take no longer than the text is long", async (t) => {
  const pattern = `${"*a".repeat(200)}*b`;
  const header = `Subject: ${"a".repeat(200_000)}`;
  t.is(replyOf(await new Scene([{ when: { header: { Subject: pattern } }, then: { refuse: "No" } }]).send({ header })), "");
});
