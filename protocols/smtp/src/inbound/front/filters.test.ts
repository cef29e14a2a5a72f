// What filters see of clients of the inbound role, and what the log does.

import { connect } from "node:tls";
import test from "ava";
import { found, stop, type MailFilter } from "@postern/contracts";
import { front, noting, until } from "../test/front.ts";

test("inbound: filters are asked stage by stage, and hear how it ended", async (t) => {
  const { filter, notes } = noting();
  const { dial, harness } = await front(t, { filters: [filter] });
  const client = await dial();
  await client.hear();
  await client.begin();
  await client.ask("DATA");
  client.say("Subject: one", "Content-Class: fax", "", "text", ".");
  await client.hear();
  await client.ask("MAIL FROM:<>", "RSET", "QUIT");
  await harness.settled();
  t.deepEqual(notes, [
    "connect 127.0.0.1",
    "hello me",
    "sender alice@example.net",
    "recipient bob@example.com",
    "header one fax",
    "content 42",
    "finished true",
    "sender ",
    "finished false",
    "left",
  ]);
});

test("inbound: a filter that breaks defers the mail", async (t) => {
  const broken = (): never => {
    throw new Error("a mistake");
  };
  for (const rest of [{ sender: broken }, { sender: () => Promise.reject(new Error("a mistake")) }]) {
    const { dial, harness } = await front(t, { filters: [{ name: "broken", ...rest }] });
    const client = await dial();
    await client.hear();
    await client.ask("HELO me");
    t.regex(await client.ask("MAIL FROM:<>"), /^451 4\.3\.0 /);
    t.deepEqual(harness.logger.messages("error"), ["filter failed"]);
  }
});

test("inbound: a filter that is content ends the asking at its stage", async (t) => {
  const { filter, notes } = noting();
  const content: MailFilter = { name: "content", sender: () => ({ action: "accept" }) };
  const { dial } = await front(t, { filters: [content, filter] });
  const client = await dial();
  await client.hear();
  await client.begin();
  t.deepEqual(notes, ["connect 127.0.0.1", "hello me", "recipient bob@example.com"]);
});

test("inbound: what was found of a hello is forgotten with it, what was found of the connection is not", async (t) => {
  const scores: string[][] = [];
  const filter: MailFilter = {
    name: "finds",
    connect: ({ findings }) => void findings.push(found("ADDRESS", 1, "")),
    hello: ({ findings, hello }) => void findings.push(found(`HELLO_${hello}`, 1, "")),
    sender: ({ visit }) => void scores.push(visit.findings.map(({ symbol }) => symbol)),
  };
  const { dial } = await front(t, { filters: [filter] });
  const client = await dial();
  await client.hear();
  await client.ask("HELO one", "HELO two", "MAIL FROM:<>");
  t.deepEqual(scores, [["ADDRESS", "HELLO_two"]]);
});

test("inbound: what XCLIENT tells is forgotten at STARTTLS, and filters judge the client anew", async (t) => {
  const { filter, notes } = noting();
  const listener = { tls: "starttls", trusts: () => true } as const;
  const { dial } = await front(t, { filters: [filter], harness: { listener } });
  const client = await dial();
  await client.hear();
  t.regex(await client.ask("XCLIENT ADDR=192.0.2.66 HELO=told"), /^220 /);
  await client.ask("HELO gateway");
  await client.ask("STARTTLS");
  await client.peer.startTls((socket) => connect({ socket, rejectUnauthorized: false }), "secureConnect");
  await client.ask("HELO inside");
  t.deepEqual(notes, [
    "connect 127.0.0.1",
    "left",
    "connect 192.0.2.66",
    "hello told",
    "left",
    "connect 127.0.0.1",
    "hello inside",
  ]);
});

test("inbound: the log has one line for each transaction, and a few of the recipients", async (t) => {
  const filter: MailFilter = { name: "finds", header: ({ findings }) => void findings.push(found("ODD", 2.5, "odd")) };
  const { dial, harness } = await front(t, { filters: [filter] });
  const client = await dial();
  await client.hear();
  await client.ask("HELO me", "MAIL FROM:<alice@example.net>");
  for (let index = 0; index < 7; index++) await client.ask(`RCPT TO:<r${index}@example.com>`);
  await client.ask("DATA");
  client.say("", "text", ".");
  await client.hear();
  const { fields } = harness.logger.records.find(({ message }) => message === "message") ?? {};
  t.like(fields, {
    client: "127.0.0.1",
    helo: "me",
    sender: "alice@example.net",
    recipients: 7,
    to: [0, 1, 2, 3, 4].map((index) => `r${index}@example.com`),
    size: 8,
    kind: "ordinary",
    findings: "ODD(2.5)",
    score: 2.5,
    backends: ["mbx1"],
    reply: "250 2.0.0 Taken as 1",
  });
  t.is(harness.logger.messages("info").filter((message) => message === "message").length, 1);
});

test("inbound: the log says what becomes of a message whose sender left before the answer", async (t) => {
  let answer: (() => void) | undefined;
  const commit = async () => {
    await new Promise<void>((resolve) => (answer = resolve));
    return { code: 250, status: "2.0.0", lines: ["taken"] };
  };
  const { filter, notes } = noting();
  const { dial, harness, deliveries } = await front(t, { commit, filters: [filter] });
  const client = await dial();
  await client.hear();
  await client.begin();
  await client.ask("DATA");
  client.say("", "text", ".");
  await until(() => answer !== undefined);
  client.peer.destroy();
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.is(harness.ended.length, 0);
  answer?.();
  await harness.settled();
  t.is(deliveries.all[0]?.end, "committed");
  const { fields } = harness.logger.records.find(({ message }) => message === "message") ?? {};
  t.regex(String(fields?.["warning"]), /was taken and may be delivered/);
  t.deepEqual(notes.slice(-2), ["finished true", "left"]);
});

test("inbound: a filter's refusal of a recipient is told to filters and log, and counts", async (t) => {
  const filter: MailFilter = { name: "picky", recipient: () => stop(550, "5.7.1", "Not this one") };
  const { dial, harness } = await front(t, { filters: [filter], settings: { maxErrors: 1 } });
  const client = await dial();
  await client.hear();
  await client.ask("HELO me", "MAIL FROM:<>");
  t.is(await client.ask("RCPT TO:<bob@example.com>"), "550 5.7.1 Not this one");
  t.is(await client.ask("RCPT TO:<bob@example.com>"), "550 5.7.1 Not this one");
  t.is(await client.hear(), "421 4.7.0 Too many errors");
  await harness.settled();
  t.is(harness.ended[0]?.failure?.kind, "too-many-errors");
  t.is(harness.logger.records.filter(({ message, fields }) => message === "refused" && fields["by"] === "picky").length, 2);
});

test("inbound: a message whose sender is gone before any backend has its end goes nowhere", async (t) => {
  let judge: (() => void) | undefined;
  const filter: MailFilter = { name: "slow", content: () => new Promise((resolve) => (judge = () => resolve(undefined))) };
  const { dial, harness, deliveries } = await front(t, { filters: [filter] });
  const client = await dial();
  await client.hear();
  await client.begin();
  await client.ask("DATA");
  client.say("", "text", ".");
  await until(() => judge !== undefined);
  client.reset();
  await new Promise((resolve) => setTimeout(resolve, 20));
  judge?.();
  await harness.settled();
  t.is(deliveries.all[0]?.end, "aborted");
  const { fields } = harness.logger.records.find(({ message }) => message === "message") ?? {};
  t.is(fields?.["warning"], "The client left before the answer");
});

test("inbound: ten thousand recipients in one go cost nobody the connection", async (t) => {
  const { dial, deliveries } = await front(t, { settings: { maxErrors: 1 } });
  const client = await dial();
  await client.hear();
  await client.ask("HELO me", "MAIL FROM:<alice@example.net>");
  const replies = await client.ask(...Array.from({ length: 10_000 }, (_, index) => `RCPT TO:<r${index}@example.com>`));
  const codes = Map.groupBy(replies.split("\n"), (reply) => reply.slice(0, 9));
  t.deepEqual(
    new Map([...codes].map(([code, all]) => [code, all.length])),
    new Map([
      ["250 2.1.5", 1000],
      ["452 4.5.3", 9000],
    ]),
  );
  await client.ask("DATA");
  client.say("", "text", ".");
  t.regex(await client.hear(), /^250 /);
  t.is(deliveries.all[0]?.recipients.length, 1000);
});
