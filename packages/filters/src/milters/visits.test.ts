import test from "ava";
import { createFakeClock } from "@postern/testing";
import { duringTime, testMail, testServices, testVisit } from "../test/scanners.ts";
import { CONTINUE, eventually, fakeMilter, milterFilter, reply, say, serverOf, talk, type Behaviour } from "./test/fixtures.ts";
import { milters } from "./index.ts";

test("one connection serves a visit; a message that is not ended is aborted; the visit ends with quit", async (t) => {
  const milter = await fakeMilter(t);
  const { filter } = milterFilter(milter);
  const visit = testVisit();
  const left = testMail({ id: "left", visit });
  await filter.connect?.(visit);
  await filter.sender?.(left);
  filter.finished?.(left, false);
  const whole = testMail({ id: "whole", visit });
  t.is((await talk(filter, whole)).answer, undefined);
  filter.finished?.(whole, true);
  filter.left?.(visit);
  await eventually(t, () => milter.heard.at(-1) === "Q");
  const letters = milter.heard
    .filter((line) => !line.startsWith("D"))
    .map((line) => line[0])
    .join("");
  t.is(letters, "OCHMAMRTLLLNBEQ");
  t.is(milter.connections(), 1);
});

test("a milter that left between two messages is dialled again, and told of the visit again", async (t) => {
  const milter = await fakeMilter(t, { on: { A: say("close") } });
  const { filter, services } = milterFilter(milter);
  const visit = testVisit();
  const first = testMail({ visit });
  await filter.sender?.(first);
  filter.finished?.(first, false);
  await eventually(t, () => milter.heard.includes("A"));
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.is((await talk(filter, testMail({ id: "m2", visit }))).answer, undefined);
  t.is(milter.connections(), 2);
  t.deepEqual(services.logger.messages("warn"), []);
});

test("a client that leaves while a milter thinks leaves nothing behind, and no word in the log", async (t) => {
  const milter = await fakeMilter(t, { on: { M: say(undefined) } });
  const { filter, services } = milterFilter(milter, { atOnce: 1 });
  const mail = testMail();
  const asked = filter.sender?.(mail);
  await eventually(t, () => milter.heard.some((line) => line.startsWith("M")));
  filter.finished?.(mail, false);
  filter.left?.(mail.visit);
  t.is(await asked, undefined);
  t.deepEqual(services.logger.messages("warn"), []);
  t.deepEqual(mail.findings, []);
  t.is(await filter.connect?.(testVisit()), undefined);
  t.is(milter.connections(), 2);
  filter.close?.();
});

test("so many connections at once; another client waits, and not endlessly", async (t) => {
  const clock = createFakeClock();
  const milter = await fakeMilter(t);
  const { filter, services } = milterFilter(milter, { atOnce: 1 }, clock);
  t.is(await filter.connect?.(testVisit()), undefined);
  const second = testMail({ visit: testVisit() });
  const answer = await duringTime(clock, 1000, Promise.resolve(filter.sender?.(second)));
  t.like(answer, { reply: { code: 451 } });
  t.is(milter.connections(), 1);
  t.is(services.logger.messages("warn").length, 1);
});

test("several milters are asked in order, and change the message in order", async (t) => {
  const change = (value: string): Behaviour => say(Buffer.concat([reply("h", "X-By\0", `${value}\0`), CONTINUE]));
  const one = await fakeMilter(t, { on: { E: change("one") } });
  const two = await fakeMilter(t, { on: { E: change("two") } });
  const servers = [serverOf(one.address, { name: "one" }), serverOf(two.address, { name: "two" })];
  const filter = milters.build({ servers }, testServices());
  const mail = testMail();
  t.is((await talk(filter!, mail)).answer, undefined);
  t.deepEqual(
    mail.edits.map((edit) => edit.do !== "remove" && edit.value),
    ["one", "two"],
  );
});
