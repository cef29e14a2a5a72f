// Every condition, every action, and when a rule is asked.
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

test("actions: refuse and defer, with the codes of their stage", async (t) => {
  const reply = async (when: LooseRule["when"], then: unknown): Promise<unknown> => {
    const { answer } = await new Scene([{ when: when ?? {}, then }]).send();
    return answer?.action === "stop" && [answer.reply, answer.hangUp ?? false];
  };
  t.deepEqual(await reply({}, { refuse: "Go" }), [{ code: 554, status: "5.7.1", lines: ["Go"] }, true]);
  t.deepEqual(await reply({}, { defer: "Later" }), [{ code: 421, status: "4.7.1", lines: ["Later"] }, true]);
  t.deepEqual(await reply({ sender: "*" }, { refuse: { text: "Go", code: 553, status: "5.1.8" } }), [
    { code: 553, status: "5.1.8", lines: ["Go"] },
    false,
  ]);
  t.deepEqual(await reply({ sender: "*" }, { defer: "Later" }), [{ code: 451, status: "4.7.1", lines: ["Later"] }, false]);
});

test("actions: tag and removeHeader wait for the header, are done once, and in the order of the rules", async (t) => {
  const scene = new Scene([
    { when: { kind: "ordinary" }, then: [{ tag: { header: "X-Third", value: "3" } }] },
    { when: { client: "192.0.2.7" }, then: { tag: { header: "X-First", value: "1" } } },
    { when: { recipient: "*@example.com" }, then: { removeHeader: ["X-A", "X-B"] } },
  ]);
  const { transaction } = await scene.send({ recipients: ["a@example.com", "b@example.com"] });
  t.deepEqual(transaction.edits, [
    { do: "prepend", name: "X-First", value: "1" },
    { do: "remove", name: "X-A" },
    { do: "remove", name: "X-B" },
    { do: "prepend", name: "X-Third", value: "3" },
  ]);
});

test("actions: what a refused recipient would have done to the message is not done", async (t) => {
  const rules = [{ when: { recipient: "gone@example.com" }, then: [{ addRecipient: "copy@example.com" }, { maxSize: 10 }] }];
  const recipients = ["gone@example.com", "bob@example.com"];
  const { transaction, answer } = await new Scene(rules).send({ recipients, refused: ["gone@example.com"] });
  t.deepEqual([transaction.added, answer], [[], undefined]);
  const both = await new Scene(rules).send({ recipients });
  t.deepEqual(
    [both.transaction.added, replyOf(both)],
    [["copy@example.com"], "552 5.3.4 The message is too large, at most 10B here"],
  );
});

test("actions: a recipient is added once, by however many rules", async (t) => {
  const then = { addRecipient: ["copy@example.com", "more@example.com"] };
  const { transaction } = await new Scene([{ then }, { when: { kind: "ordinary" }, then }]).send();
  t.deepEqual(transaction.added, ["copy@example.com", "more@example.com"]);
});

test("actions: redirect is for the whole message", async (t) => {
  const { transaction } = await new Scene([{ when: { senderDomain: "example.net" }, then: { redirect: "quarantine" } }]).send();
  t.is(transaction.redirect, "quarantine");
});

test("actions: routeAs is for each recipient that the rule fits, without detail, rewritten, and never more than text", async (t) => {
  const rules = [{ when: { kind: "voice", not: { recipient: "amy@example.com" } }, then: { routeAs: "{user}@voice.{domain}" } }];
  const recipients = [
    "bob+x@EXAMPLE.com",
    "amy@example.com",
    "old@example.com",
    "a$&{domain}@example.com",
    "FAX=+41/x=1@example.com",
  ];
  const { transaction } = await new Scene(rules).send({ recipients, kind: "voice" });
  t.deepEqual(
    transaction.recipients.map(({ routeAs }) => routeAs),
    [
      "bob@voice.example.com",
      "amy@example.com",
      "new@voice.example.com",
      "a$&{domain}@voice.example.com",
      "FAX=+41/x=1@voice.example.com",
    ],
  );
});

test("actions: rate lets its limit through, each by itself", async (t) => {
  const rate = (per: string): LooseRule => ({
    when: { recipientDomain: "*.example.com" },
    then: { rate: { per, limit: 1, window: "1h" } },
  });
  const over = "450 4.7.1 Too many messages, try again later";
  const told = [
    { sender: "A@example.net", client: "192.0.2.1", recipients: ["x@a.example.com"] },
    { sender: "a@EXAMPLE.net", client: "192.0.2.2", recipients: ["x@b.example.com"] },
    { sender: "b@example.net", client: "192.0.2.1", recipients: ["y@A.example.com"] },
    { sender: "c@example.net", client: "192.0.2.3", recipients: ["y@example.com"] },
  ];
  const replies = async (per: string): Promise<string[]> => {
    const scene = new Scene([rate(per)]);
    const all: string[] = [];
    for (const one of told) all.push(replyOf(await scene.send(one)));
    return all;
  };
  t.deepEqual(await replies("sender"), ["", over, "", ""]);
  t.deepEqual(await replies("client"), ["", "", over, ""]);
  t.deepEqual(await replies("recipientDomain"), ["", "", over, ""]);
  t.deepEqual(await replies("rule"), ["", over, over, ""]);
});

test("actions: a rate that cannot be counted lets through", async (t) => {
  const scene = new Scene([{ then: { rate: { per: "rule", limit: 1, window: "1h" } } }]);
  await scene.send();
  t.is(replyOf(await scene.send()), "450 4.7.1 Too many messages, try again later");
  t.deepEqual(scene.hits, ["rule rule 1 rule ", "rule rule 1 rule "]);
});

test("actions: maxSize looks at what is announced and at what comes", async (t) => {
  const rules = [{ when: { sender: "*" }, then: { maxSize: "5MB" } }];
  const large = 6 * 1024 ** 2;
  const announced = await new Scene(rules).send({ announced: large });
  t.deepEqual([replyOf(announced), announced.at], ["552 5.3.4 The message is too large, at most 5MB here", "sender"]);
  const lied = await new Scene(rules).send({ announced: 1, size: large });
  t.deepEqual([replyOf(lied), lied.at], ["552 5.3.4 The message is too large, at most 5MB here", "content"]);
  t.is(replyOf(await new Scene(rules).send({ size: 5 * 1024 ** 2 })), "");
  const voice = await new Scene([{ when: { kind: "voice" }, then: { maxSize: 10 } }]).send({ kind: "voice" });
  t.is(replyOf(voice).slice(0, 3), "552");
});

test("actions: report writes a line with the rule's name", async (t) => {
  const scene = new Scene([{ name: "watch", when: { kind: "fax" }, then: "report" }]);
  await scene.send({ kind: "fax", recipients: ["bob@example.com", "amy@example.com"] });
  t.deepEqual(scene.logger.records, [
    {
      level: "info",
      message: "mail-flow rule",
      fields: {
        rule: "watch",
        stage: "header",
        session: "test1",
        client: "192.0.2.7",
        message: "t1",
        sender: "amy@example.net",
        recipients: ["bob@example.com", "amy@example.com"],
      },
    },
  ]);
});

test("accept: ends the asking of rules further down at every stage, and of no others", async (t) => {
  const scene = new Scene([
    { name: "above", when: { kind: "voice" }, then: { tag: { header: "X-Above", value: "1" } } },
    { name: "friends", when: { client: "192.0.2.7" }, then: "accept" },
    { name: "below", when: { sender: "*" }, then: { refuse: "No" } },
    { name: "last", when: { score: 0 }, then: { refuse: "No" } },
  ]);
  const { transaction, answer } = await scene.send({ kind: "voice" });
  t.is(answer, undefined);
  t.is(transaction.edits.length, 1);
  t.deepEqual(
    scene.events.map(({ rule, outcome }) => `${rule}: ${outcome}`),
    ["friends: fits", "below: not asked", "above: fits", "last: not asked"],
  );
  t.is(replyOf(await scene.send({ client: "198.51.100.1" })), "550 5.7.1 No");
});

test("accept: of one message is for that message, of one recipient for that recipient", async (t) => {
  const scene = new Scene([
    { when: { sender: "amy@example.net" }, then: "accept" },
    { when: { recipient: "postmaster@example.com" }, then: "accept" },
    { when: { recipientDomain: "example.com" }, then: { refuse: "No" } },
  ]);
  const visit = scene.visit();
  t.is(replyOf(await scene.send({}, visit)), "");
  const other = await scene.send({ sender: "b@example.net", recipients: ["postmaster@example.com", "bob@example.com"] }, visit);
  t.is(other.at, "recipient bob@example.com");
});

test("accept: for one recipient of a message that is here says nothing about the others", async (t) => {
  const scene = new Scene([
    { when: { recipient: "bob@example.com", kind: "voice" }, then: "accept" },
    { when: { recipient: "*@example.com", kind: "voice" }, then: { routeAs: "{user}@voice.{domain}" } },
  ]);
  const { transaction } = await scene.send({ kind: "voice", recipients: ["bob@example.com", "amy@example.com"] });
  t.deepEqual(
    transaction.recipients.map(({ routeAs }) => routeAs),
    ["bob@example.com", "amy@voice.example.com"],
  );
});

test("rules: the first that stops the mail is the last that is asked at its stage", async (t) => {
  const scene = new Scene([
    { name: "a", when: { sender: "*" }, then: ["report", { refuse: "First" }] },
    { name: "b", when: { sender: "*" }, then: { refuse: "Second" } },
  ]);
  t.is(replyOf(await scene.send()), "550 5.7.1 First");
  t.deepEqual(
    scene.events.map(({ rule }) => rule),
    ["a"],
  );
});

test("rules: say which condition failed first", async (t) => {
  const scene = new Scene([
    { name: "a", when: { sender: ["x@y.z", ""], kind: "voice", not: { client: "192.0.2.0/24" } }, then: "report" },
    { name: "b", when: { recipient: "amy@example.com" }, then: "report" },
  ]);
  await scene.send();
  t.deepEqual(
    scene.events.map((event) => [event.rule, event.stage, event.recipient, "because" in event ? event.because : ""]),
    [
      ["b", "recipient", "bob@example.com", "recipient: amy@example.com"],
      ["a", "header", undefined, "not client: 192.0.2.0/24"],
    ],
  );
});

test("holds: only while a rule about the whole may still change this message", async (t) => {
  const tag = { tag: { header: "X-Spam", value: "yes" } };
  const held = async (when: LooseRule["when"], then: unknown, told: Told = {}): Promise<boolean> =>
    (await new Scene([{ when: when ?? {}, then }]).send(told)).held;
  t.true(await held({ score: 5 }, tag));
  t.true(await held({ size: { over: 5 } }, { redirect: "big" }));
  t.true(await held({ finding: "X", recipient: "bob@example.com" }, { routeAs: "a@example.com" }));
  t.false(await held({ score: 5 }, { refuse: "Spam" }));
  t.false(await held({ sender: "*" }, { maxSize: "5MB" }));
  t.false(await held({ kind: "voice" }, tag, { kind: "voice" }));
  t.false(await held({ score: 5, sender: "other@example.net" }, tag));
  t.false(await held({ score: 5, recipient: "amy@example.com" }, tag));
  const accepted = new Scene([
    { when: { trusted: false }, then: "accept" },
    { when: { score: 5 }, then: tag },
  ]);
  t.false((await accepted.send()).held);
});

test("holds: what a rule about the whole does to the message is done before content is over", async (t) => {
  const scene = new Scene([{ when: { score: 5 }, then: [{ tag: { header: "X-Spam", value: "yes" } }, { redirect: "junk" }] }]);
  const { transaction } = await scene.send({ score: 9 });
  t.deepEqual([transaction.edits.length, transaction.redirect], [1, "junk"]);
  t.deepEqual((await scene.send({ score: 1 })).transaction.edits, []);
});

test("rules: a stage that no rule needs is none of the filter's", (t) => {
  const stages = (...rules: LooseRule[]): string[] => Object.keys(new Scene(rules).filter).slice(1);
  t.deepEqual(stages(), []);
  t.deepEqual(stages({ when: { sender: "x@y.z" }, then: { refuse: "No" } }), ["sender"]);
  t.deepEqual(stages({ when: { client: "192.0.2.7" }, then: { tag: { header: "X", value: "y" } } }), ["sender", "header"]);
  t.deepEqual(stages({ when: { kind: "voice" }, then: { maxSize: 5 } }), ["header", "content", "holds"]);
});

test("patterns: many stars take no longer than the text is long", async (t) => {
  const pattern = `${"*a".repeat(200)}*b`;
  const header = `Subject: ${"a".repeat(200_000)}`;
  t.is(replyOf(await new Scene([{ when: { header: { Subject: pattern } }, then: { refuse: "No" } }]).send({ header })), "");
});
