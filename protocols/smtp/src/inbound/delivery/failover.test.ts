// A backend that is lost, at every state, and the candidate that takes over.

import test from "ava";
import { testLeg } from "@postern/testing";
import { startBackend, type BackendOptions, type TestBackend } from "./test/backend.ts";
import { asTimePasses, scene, until, type Message, type Scene } from "./test/scene.ts";

const NOBODY = testLeg(1, { backend: "mbx0", protocol: "smtp", scheme: "smtp" });

/** Answers to the `nth` command that begins like this; to all before in the usual way. */
function at(verb: string, answer: string, nth = 1): NonNullable<BackendOptions["on"]> {
  let count = 0;
  return (line) => (line.startsWith(verb) && ++count === nth ? answer : undefined);
}

const wire = (backend: TestBackend): string[] => backend.taken.map((one) => `${one.to.join(",")} ${one.wire.toString()}`);

for (const extensions of [[], ["PIPELINING"]]) {
  for (const [when, on] of [
    ["greets with a no", at("", "554 5.3.2 not today")],
    ["greets with 421", at("", "421 too many")],
    ["hangs up at EHLO", at("EHLO", "hang up")],
    ["refuses EHLO", at("EHLO", "550 5.7.1 who are you")],
    ["hangs up at MAIL", at("MAIL", "hang up")],
    ["says 421 to MAIL", at("MAIL", "421 4.3.2 going down")],
    ["talks nonsense to MAIL", at("MAIL", "hello?")],
    ["hangs up at RCPT", at("RCPT", "hang up")],
    ["says 421 to RCPT", at("RCPT", "421 4.3.2 going down")],
    ["says 354 to RCPT", at("RCPT", "354 go on")],
    ["hangs up at the second RCPT", at("RCPT", "hang up", 2)],
    ["hangs up at DATA", at("DATA", "hang up")],
    ["says 421 to DATA", at("DATA", "421 4.3.2 going down")],
    ["says 250 to DATA", at("DATA", "250 2.0.0 what")],
  ] as const) {
    test(`failover: a backend that ${when} is replaced by the next, ${extensions.length > 0 ? "with" : "without"} pipelining`, async (t) => {
      const first = await startBackend(t, { on, extensions });
      const second = await startBackend(t, { name: "mbx2", extensions });
      const legs = [first.leg, second.leg];
      const { message, logger } = scene(t);
      const one = message();
      t.is(await one.to("a@example.com", legs), "250 2.1.5 recipient ok");
      t.is(await one.to("b@example.com", legs), "250 2.1.5 recipient ok");
      t.regex(await one.send("x\r\n"), /^250/);
      t.deepEqual(wire(first), []);
      t.deepEqual(wire(second), ["a@example.com,b@example.com x\r\n.\r\n"]);
      t.deepEqual(one.delivery.facts, { backends: ["mbx2"], mayBeDoubled: [] });
      t.deepEqual(logger.messages("warn"), ["backend failed"]);
    });
  }
}

test("failover: a backend that cannot be reached is replaced, and not tried again for the same message", async (t) => {
  const backend = await startBackend(t);
  const { message, logger } = scene(t);
  const one = message();
  for (const name of "abc") t.regex(await one.to(`${name}@example.com`, [NOBODY, backend.leg]), /^250/);
  t.regex(await one.send("x"), /^250/);
  t.deepEqual(backend.taken[0]?.to, ["a@example.com", "b@example.com", "c@example.com"]);
  t.is(logger.messages("warn").length, 1);
});

test("failover: where no candidate can be reached, the client is told to come again, and nobody waits twice", async (t) => {
  const { message, logger } = scene(t);
  const one = message();
  t.regex(await one.to("a@example.com", [NOBODY]), /^451 4\.4\.1/);
  t.regex(await one.to("b@example.com", [NOBODY]), /^451 4\.4\.1/);
  t.regex(await one.send("x"), /^554 5\.5\.1/);
  t.is(logger.messages("warn").length, 1);
});

test("failover: a backend that is busy is told as such", async (t) => {
  const backend = await startBackend(t);
  const { message, clock } = scene(t, { pool: { perBackend: 1 } });
  const [first, second] = [message(), message()];
  t.regex(await first.to("a@example.com", [backend.leg]), /^250/);
  t.regex(await asTimePasses(clock, second.to("a@example.com", [backend.leg])), /^451 4\.3\.2/);
  t.regex(await first.send("x"), /^250/);
});

test("failover: a connection that died in the pool is replaced by a new one to the same backend", async (t) => {
  const backend = await startBackend(t, {
    on: (line, index) => (index === 0 && line.startsWith("MAIL FROM:<again") ? "hang up" : undefined),
  });
  const { message, logger } = scene(t);
  const first = message();
  await first.to("a@example.com", [backend.leg]);
  await first.send("x");
  const second = message({ from: "again@example.org" });
  t.regex(await second.to("a@example.com", [backend.leg]), /^250/);
  t.regex(await second.send("x"), /^250/);
  t.is(backend.heard.length, 2);
  t.deepEqual(logger.messages("warn"), []);
});

test("failover: 421 on a connection that waited in the pool is its end, not the backend's", async (t) => {
  const backend = await startBackend(t, {
    extensions: ["PIPELINING"],
    on: (line, index) => (index === 0 && line.startsWith("MAIL FROM:<again") ? "421 4.4.2 idle too long" : undefined),
  });
  const { message } = scene(t);
  const first = message();
  await first.to("a@example.com", [backend.leg]);
  await first.send("x");
  const second = message({ from: "again@example.org" });
  t.regex(await second.to("a@example.com", [backend.leg]), /^250/);
  t.regex(await second.send("x"), /^250/);
  t.is(backend.taken.length, 2);
});

test("failover: a backend that greets and then hangs up on everybody is not dialled for ever", async (t) => {
  const backend = await startBackend(t, { on: (line) => (line.startsWith("MAIL") ? "hang up" : undefined) });
  const { message } = scene(t, { pool: { ahead: 3 } });
  for (let count = 0; count < 5; count++) {
    t.regex(await message().to("a@example.com", [backend.leg]), /^451/);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  t.true(backend.heard.filter((lines) => lines.some((line) => line.startsWith("MAIL"))).length <= 30);
});

test("failover: refusals before it are not repeated, and a candidate that refuses what was accepted does not take over", async (t) => {
  const refuses = (name: string) => (line: string) => (line === `RCPT TO:<${name}@example.com>` ? "550 5.1.1 nobody" : undefined);
  const first = await startBackend(t, { on: (line) => (line === "DATA" ? "hang up" : refuses("b")(line)) });
  const second = await startBackend(t, { name: "mbx2", on: refuses("a") });
  const third = await startBackend(t, { name: "mbx3" });
  const legs = [first.leg, second.leg, third.leg];
  const message = scene(t).message();
  t.regex(await message.to("a@example.com", legs), /^250/);
  t.regex(await message.to("b@example.com", legs), /^550/);
  t.regex(await message.send("x"), /^250/);
  t.deepEqual(second.taken, []);
  t.deepEqual(third.taken[0]?.to, ["a@example.com"]);
});

test("failover: where no other takes what was accepted, the message fails for now", async (t) => {
  const first = await startBackend(t, { on: at("DATA", "hang up") });
  const second = await startBackend(t, { name: "mbx2", on: at("RCPT", "550 5.1.1 nobody") });
  const message = scene(t).message();
  t.regex(await message.to("a@example.com", [first.leg, second.leg]), /^250/);
  t.regex(await message.send("x"), /^451 4\.4\.2/);
  t.deepEqual(message.delivery.facts.mayBeDoubled, []);
});

test("failover: a backend's own no is final, and no other is asked", async (t) => {
  const first = await startBackend(t, { on: at("RCPT", "550 5.1.1 nobody") });
  const second = await startBackend(t, { name: "mbx2" });
  const message = scene(t).message();
  t.regex(await message.to("a@example.com", [first.leg, second.leg]), /^550/);
  t.deepEqual(second.heard, []);
});

/** Writes nothing, again and again, until so many backends are seen to be gone. */
async function seen({ logger }: Scene, message: Message, count: number): Promise<void> {
  for (let turn = 0; turn < 5000 && logger.messages("warn").length < count; turn++) {
    await message.delivery.write(Buffer.alloc(0));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

test("failover: a backend that dies in the content is replaced while all bytes are held", async (t) => {
  const first = await startBackend(t, { during: (content) => (content.includes("one\r\n") ? "hang up" : undefined) });
  const second = await startBackend(t, { name: "mbx2" });
  const house = scene(t);
  const message = house.message();
  await message.to("a@example.com", [first.leg, second.leg]);
  await message.delivery.begin();
  await message.delivery.write(Buffer.from(".one\r\n."));
  await seen(house, message, 1);
  await message.delivery.write(Buffer.from("two\r\n"));
  t.is((await message.delivery.commit()).code, 250);
  t.deepEqual(wire(second), ["a@example.com ..one\r\n..two\r\n.\r\n"]);
  t.deepEqual(message.delivery.facts, { backends: ["mbx2"], mayBeDoubled: [] });
});

test("failover: 421 in the content is the same", async (t) => {
  const first = await startBackend(t, {
    during: (content) => (content.includes("one\r\n") ? "421 4.3.2 going down" : undefined),
  });
  const second = await startBackend(t, { name: "mbx2" });
  const house = scene(t);
  const message = house.message();
  await message.to("a@example.com", [first.leg, second.leg]);
  await message.delivery.begin();
  await message.delivery.write(Buffer.from("one\r\n"));
  await seen(house, message, 1);
  t.is((await message.delivery.commit()).code, 250);
  t.deepEqual(wire(second), ["a@example.com one\r\n.\r\n"]);
});

test("failover: a backend that dies in the content is not replaced when not all bytes are held", async (t) => {
  const first = await startBackend(t, { during: (content) => (content.length > 10 ? "hang up" : undefined) });
  const second = await startBackend(t, { name: "mbx2" });
  const house = scene(t, { heldBytes: 10 });
  const message = house.message();
  await message.to("a@example.com", [first.leg, second.leg]);
  await message.delivery.begin();
  await message.delivery.write(Buffer.from("more than ten bytes\r\n"));
  await seen(house, message, 1);
  const { code, status } = await message.delivery.commit();
  t.deepEqual([code, status], [451, "4.4.2"]);
  t.deepEqual(second.heard, []);
  t.deepEqual(message.delivery.facts.mayBeDoubled, []);
});

test("failover: the next candidate that dies as well is replaced too", async (t) => {
  const dies: BackendOptions = { during: (content) => (content.includes("one\r\n") ? "hang up" : undefined) };
  const [first, second, third] = [
    await startBackend(t, dies),
    await startBackend(t, { ...dies, name: "mbx2" }),
    await startBackend(t, { name: "mbx3" }),
  ];
  const house = scene(t);
  const message = house.message();
  await message.to("a@example.com", [first.leg, second.leg, third.leg]);
  await message.delivery.begin();
  await message.delivery.write(Buffer.from("one\r\n"));
  await seen(house, message, 1);
  await message.delivery.write(Buffer.from("two\r\n"));
  await seen(house, message, 2);
  await message.delivery.write(Buffer.from("three\r\n"));
  t.is((await message.delivery.commit()).code, 250);
  t.deepEqual(wire(third), ["a@example.com one\r\ntwo\r\nthree\r\n.\r\n"]);
});

test("failover: a backend that does not take the content in time is given up", async (t) => {
  const first = await startBackend(t);
  const { message: open, clock } = scene(t);
  const message = open();
  await message.to("a@example.com", [first.leg]);
  await message.delivery.begin();
  for (const socket of first.open) socket.pause();
  const chunk = Buffer.alloc(1024 * 1024, "x");
  const work = (async () => {
    for (let count = 0; count < 30; count++) await message.delivery.write(chunk);
  })();
  await asTimePasses(clock, work);
  t.is((await message.delivery.commit()).status, "4.4.2");
});

test("failover: a backend that does not answer a command in time is replaced", async (t) => {
  const first = await startBackend(t, { on: at("RCPT", "say nothing") });
  const second = await startBackend(t, { name: "mbx2" });
  const { message: open, clock } = scene(t);
  const message = open();
  const answer = message.to("a@example.com", [first.leg, second.leg]);
  await until(() => first.heard[0]?.at(-1)?.startsWith("RCPT") === true);
  await clock.advance(20_000);
  t.regex(await answer, /^250/);
  t.regex(await message.send("x"), /^250/);
  t.is(second.taken.length, 1);
});

test("failover: no backend takes over behind the dot", async (t) => {
  const first = await startBackend(t, { atEnd: () => "hang up" });
  const second = await startBackend(t, { name: "mbx2" });
  const message = scene(t).message();
  await message.to("a@example.com", [first.leg, second.leg]);
  t.regex(await message.send("x"), /^451 4\.4\.2/);
  t.deepEqual(second.heard, []);
  t.deepEqual(message.delivery.facts.mayBeDoubled, ["mbx1"]);
});

test("rest: the connection serves others meanwhile, and the backend gets the whole envelope again", async (t) => {
  const backend = await startBackend(t);
  const { message } = scene(t, { pool: { perBackend: 1 } });
  const [slow, quick] = [message(), message()];
  t.regex(await slow.to("a@example.com", [backend.leg]), /^250/);
  t.regex(await slow.to("b@example.com", [backend.leg]), /^250/);
  slow.delivery.rest();
  t.regex(await quick.to("c@example.com", [backend.leg]), /^250/);
  t.regex(await quick.send("quick\r\n"), /^250/);
  t.regex(await slow.to("d@example.com", [backend.leg]), /^250/);
  slow.delivery.rest();
  slow.delivery.rest();
  t.regex(await slow.send("slow\r\n"), /^250/);
  t.deepEqual(wire(backend), ["c@example.com quick\r\n.\r\n", "a@example.com,b@example.com,d@example.com slow\r\n.\r\n"]);
});
