// Every action: what it does, when, and for whom.
/* oxlint-disable unicorn/no-thenable -- "then" is the word of the configuration; it holds a list, and nobody awaits it. */

import test from "ava";
import { replyOf, Scene } from "../test/scene.ts";
import type { LooseRule } from "../test/rule-of.ts";

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
  const scene = new Scene([{ name: "calm", then: { rate: { per: "rule", limit: 1, window: "1h" } } }]);
  await scene.send();
  t.is(replyOf(await scene.send()), "450 4.7.1 Too many messages, try again later");
  t.deepEqual(scene.hits, ["rule calm rule ", "rule calm rule "]);
  scene.isCounting = false;
  t.is(replyOf(await scene.send()), "");
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
        transaction: "t1",
        sender: "amy@example.net",
        recipients: ["bob@example.com", "amy@example.com"],
      },
    },
  ]);
});
