// In which order rules are asked, what ends the asking, and what the front is told of it.
/* oxlint-disable unicorn/no-thenable -- "then" is the word of the configuration; it holds a list, and nobody awaits it. */

import test from "ava";
import * as fc from "fast-check";
import { replyOf, Scene, type Told } from "../test/scene.ts";
import type { LooseRule } from "../test/rule-of.ts";

test("accept: ends the asking of rules further down at every stage, and of no others", async (t) => {
  const scene = new Scene([
    { name: "above", when: { kind: "voice" }, then: { tag: { header: "X-Above", value: "1" } } },
    { name: "friends", when: { client: "192.0.2.7" }, then: "accept" },
    { name: "below", when: { sender: "*" }, then: { refuse: "No" } },
    { name: "last", when: { score: 0 }, then: { refuse: "No" } },
  ]);
  const { transaction, answer } = await scene.send({ kind: "voice" });
  t.deepEqual(answer, { action: "accept" });
  t.is(transaction.edits.length, 1);
  t.deepEqual(
    scene.events.map(({ rule, outcome }) => `${rule}: ${outcome}`),
    ["friends: fits", "below: not asked", "above: fits", "last: not asked"],
  );
  t.is(replyOf(await scene.send({ client: "198.51.100.1" })), "550 5.7.1 No");
});

test("accept: spares the filters behind the rules from there on: a visit, a message, or one recipient of it", async (t) => {
  const scene = new Scene([
    { when: { client: "192.0.2.7" }, then: "accept" },
    { when: { sender: "amy@example.net" }, then: "accept" },
    { when: { recipient: "postmaster@example.com" }, then: "accept" },
  ]);
  const { filter } = scene;
  const recipient = (address: string) => ({ address, parameters: new Map(), deliverTo: address, routeAs: address });
  const accept = { action: "accept" } as const;
  const friend = scene.visit({ client: "192.0.2.7" });
  const stranger = scene.visit({ client: "192.0.2.8" });
  t.deepEqual([await filter.connect?.(friend), await filter.hello?.(friend)], [accept, accept]);
  t.deepEqual([await filter.connect?.(stranger), await filter.hello?.(stranger)], [undefined, undefined]);
  const mail = (sender: string, by = stranger) => scene.transaction(by, { sender });
  const [known, unknown, ofFriend] = [mail("amy@example.net"), mail("eve@example.net"), mail("eve@example.net", friend)];
  for (const one of [known, ofFriend]) {
    t.deepEqual(await filter.sender?.(one), accept);
    t.deepEqual(await filter.recipient?.(one, recipient("bob@example.com")), accept);
    t.deepEqual(await filter.content?.(one), accept);
    t.false(filter.holds?.(one));
  }
  t.is(await filter.sender?.(unknown), undefined);
  t.deepEqual(await filter.recipient?.(unknown, recipient("postmaster@example.com")), accept);
  t.is(await filter.recipient?.(unknown, recipient("bob@example.com")), undefined);
  t.is(await filter.content?.(unknown), undefined);
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

test("rules: whatever strangers write, no rule breaks, and nothing of it gets into replies, header or a second line", async (t) => {
  const rules = [
    { when: { sender: ["*@*.example", "a*@example.net"], senderDomain: "*.example" }, then: "report" },
    { when: { recipient: "*+*@example.com", hello: "*.*" }, then: { rate: { per: "recipientDomain", limit: 2, window: "1h" } } },
    {
      when: { header: { Subject: ["*a*b*", "=?*"], "X-Any": "*" } },
      then: [{ tag: { header: "X-Seen", value: "1" } }, { removeHeader: "X-Any" }],
    },
    { when: { not: { recipientDomain: "example.org" } }, then: { routeAs: "{user}@voice.{domain}" } },
    { when: { score: 0, size: { over: 5000 } }, then: { refuse: "Too much" } },
  ];
  const odd = fc.string({
    unit: fc.constantFrom("a", "b", "@", ".", "*", "+", '"', "\\", "%", "\r", "\n", "\0", "é", "\u2028", "{user}", "$&", " "),
  });
  const told = fc.record({
    sender: odd,
    recipients: fc.array(fc.oneof(odd, fc.constant("bob+x@example.com")), { maxLength: 4 }),
    hello: odd,
    header: odd.map((text) => `Subject: ${text}\nX-Any: ${text}`),
    size: fc.nat(10_000),
  });
  await fc.assert(
    fc.asyncProperty(told, async (message) => {
      const outcome = await new Scene(rules).send(message);
      const { transaction } = outcome;
      const replies = ["", "550 5.7.1 Too much", "450 4.7.1 Too many messages, try again later"];
      const edits = transaction.edits.map((edit) => ("value" in edit ? edit.value : edit.name));
      const ways = transaction.recipients.filter(({ routeAs, address }) => routeAs !== address).map(({ routeAs }) => routeAs);
      if (ways.some((way) => !/^[^\p{Cc}\u2028]+@voice\.example\.com$/u.test(way))) return false;
      return replies.includes(replyOf(outcome)) && edits.every((text) => text === "1" || text === "X-Any");
    }),
  );
  t.pass();
});
