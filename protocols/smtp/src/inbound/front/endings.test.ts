// Clients of the inbound role: how long they may take, and how they end.

import test from "ava";
import { Failure, type MailFilter } from "@postern/contracts";
import { createFakeClock, type FakeClock } from "@postern/testing";
import { createInbound } from "../inbound.ts";
import { front, noting, until, type FrontOptions } from "../test/front.ts";
import { testParts } from "../test/scene.ts";

const timed = (clock: FakeClock, rest: FrontOptions = {}): FrontOptions => ({ ...rest, harness: { house: { clock } } });
const GREETING = "220 mail.example.com ESMTP Postern ready";
const IDLE = "421 4.4.2 Disconnected for inactivity";

test("inbound: an idle client is told goodbye", async (t) => {
  const clock = createFakeClock();
  const { dial, harness } = await front(t, timed(clock, { settings: { idle: 60_000 } }));
  const client = await dial();
  t.is(await client.hear(), GREETING);
  await clock.advance(59_000);
  t.is(await client.ask("NOOP"), "250 2.0.0 OK");
  await clock.advance(59_000);
  t.is(harness.house.registry.size, 1);
  await clock.advance(1000);
  t.is(await client.hear(), IDLE);
  await client.peer.closed();
  await harness.settled();
  t.is(harness.ended[0]?.ending, "idle");
});

test("inbound: a client that stops in the middle of a message is told goodbye, and nothing is delivered", async (t) => {
  const clock = createFakeClock();
  const { dial, deliveries } = await front(t, timed(clock, { settings: { idle: 60_000 } }));
  const client = await dial();
  await client.hear();
  await client.begin();
  await client.ask("DATA");
  client.say("Subject: one", "", "half");
  await until(() => (deliveries.all[0]?.chunks.length ?? 0) > 1);
  await clock.advance(60_000);
  t.is(await client.hear(), IDLE);
  t.is(deliveries.all[0]?.end, "aborted");
});

test("inbound: a client that is silent between its recipients and its message holds no backend meanwhile", async (t) => {
  const clock = createFakeClock();
  const { dial, deliveries } = await front(t, timed(clock));
  const client = await dial();
  await client.hear();
  await client.begin();
  await clock.advance(9000);
  t.is(deliveries.all[0]?.rests, 0);
  await clock.advance(1000);
  t.is(deliveries.all[0]?.rests, 1);
  await client.ask("DATA");
  client.say("", "text", ".");
  t.regex(await client.hear(), /^250 /);
  t.is(deliveries.all[0]?.end, "committed");
});

test("inbound: no time runs out while a client waits for us", async (t) => {
  const clock = createFakeClock();
  let answer: (() => void) | undefined;
  const commit = async () => {
    await new Promise<void>((resolve) => (answer = resolve));
    return { code: 250, status: "2.0.0", lines: ["late"] };
  };
  const { dial } = await front(t, timed(clock, { settings: { idle: 60_000 }, commit }));
  const client = await dial();
  await client.hear();
  await client.begin();
  await client.ask("DATA");
  client.say("", "text", ".");
  await until(() => answer !== undefined);
  await clock.advance(600_000);
  answer?.();
  t.is(await client.hear(), "250 2.0.0 late");
  t.is(await client.ask("NOOP"), "250 2.0.0 OK");
});

test("inbound: a connection has an end, however busy it is", async (t) => {
  const clock = createFakeClock();
  const { dial } = await front(t, timed(clock, { settings: { idle: 60_000, sessionTime: 100_000 } }));
  const client = await dial();
  await client.hear();
  await clock.advance(50_000);
  t.is(await client.ask("NOOP"), "250 2.0.0 OK");
  await clock.advance(50_000);
  t.is(await client.hear(), IDLE);
});

test("inbound: a connection's end comes behind the answer that is owed", async (t) => {
  const clock = createFakeClock();
  let answer: (() => void) | undefined;
  const commit = async () => {
    await new Promise<void>((resolve) => (answer = resolve));
    return { code: 250, status: "2.0.0", lines: ["late"] };
  };
  const { dial } = await front(t, timed(clock, { settings: { sessionTime: 100_000 }, commit }));
  const client = await dial();
  await client.hear();
  await client.begin();
  await client.ask("DATA");
  client.say("", "text", ".");
  await until(() => answer !== undefined);
  await clock.advance(200_000);
  answer?.();
  t.is(await client.hear(2), `250 2.0.0 late\n${IDLE}`);
});

test("inbound: who speaks before the greeting is seen by filters; the greeting waits", async (t) => {
  const clock = createFakeClock();
  const early: boolean[] = [];
  const filter: MailFilter = { name: "early", connect: ({ spokeEarly }) => void early.push(spokeEarly) };
  const { dial } = await front(t, timed(clock, { settings: { greetingDelay: 5000 }, filters: [filter] }));
  const silent = await dial();
  const talker = await dial();
  talker.say("HELO me");
  await until(() => clock.pending > 4);
  await new Promise((resolve) => setTimeout(resolve, 20));
  t.is(silent.peer.unread.length, 0);
  await clock.advance(5000);
  t.is(await talker.hear(2), `${GREETING}\n250 mail.example.com`);
  t.is(await silent.hear(), GREETING);
  t.deepEqual(new Set(early), new Set([false, true]));
});

test("inbound: relays of ours do not wait for the greeting", async (t) => {
  const { dial } = await front(t, timed(createFakeClock(), { settings: { greetingDelay: 5000 }, trusts: true }));
  t.is(await (await dial()).hear(), GREETING);
});

test("inbound: who leaves while it waits for the greeting costs nothing more", async (t) => {
  const { filter, notes } = noting();
  const { dial, harness } = await front(t, timed(createFakeClock(), { settings: { greetingDelay: 5000 }, filters: [filter] }));
  const client = await dial();
  await until(() => harness.house.registry.size === 1);
  client.peer.end();
  await until(() => harness.ended.length === 1);
  t.deepEqual(notes, ["left"]);
});

test("inbound: goodbye is said at once to a client that waits for nothing, and after the answer to one that does", async (t) => {
  let answer: (() => void) | undefined;
  const commit = async () => {
    await new Promise<void>((resolve) => (answer = resolve));
    return { code: 250, status: "2.0.0", lines: ["taken"] };
  };
  const { dial, harness } = await front(t, { commit });
  const [idle, busy] = [await dial(), await dial()];
  await idle.hear();
  await busy.hear();
  await busy.begin();
  await busy.ask("DATA");
  busy.say("", "text");
  const drained = harness.house.registry.drain(0);
  t.is(await idle.hear(), "421 4.3.2 The server is shutting down");
  await idle.peer.closed();
  busy.say(".");
  await until(() => answer !== undefined);
  answer?.();
  t.is(await busy.hear(2), "250 2.0.0 taken\n421 4.3.2 The server is shutting down");
  await drained;
  await harness.settled();
  t.deepEqual(
    harness.ended.map(({ ending }) => ending),
    ["drained", "drained"],
  );
});

test("inbound: a session that is kicked in the middle of a greeting gets goodbye instead", async (t) => {
  let judge: (() => void) | undefined;
  const filter: MailFilter = { name: "slow", connect: () => new Promise((resolve) => (judge = () => resolve(undefined))) };
  const { dial, harness } = await front(t, { filters: [filter] });
  const client = await dial();
  await until(() => judge !== undefined);
  const drained = harness.house.registry.drain(0);
  await new Promise((resolve) => setTimeout(resolve, 20));
  judge?.();
  t.is(await client.hear(2), `${GREETING}\n421 4.3.2 The server is shutting down`);
  await drained;
});

test("inbound: refusal has the words for those that are not let in", async (t) => {
  const { harness } = await front(t);
  const inbound = createInbound(testParts(harness.house));
  t.is(inbound.refusal(new Failure("too-many-connections", "")), "421 4.3.2 Too many connections, try again later\r\n");
  t.is(inbound.refusal(new Failure("tls-handshake", "")), "");
});

test("inbound: a client that asks and asks and sends no mail is hung up on", async (t) => {
  const { dial, harness } = await front(t, { settings: { maxErrors: 5 } });
  const client = await dial();
  await client.hear();
  client.say(...Array<string>(200).fill("NOOP"));
  const replies = (await client.hear(106)).split("\n");
  t.is(replies.at(-1), "421 4.7.0 Too many errors");
  t.true(replies.slice(0, -1).every((reply) => reply === "250 2.0.0 OK"));
  await client.peer.closed();
  await harness.settled();
  t.is(harness.ended[0]?.failure?.kind, "too-many-errors");
});
