import test from "ava";
import { createFakeClock } from "@postern/testing";
import { duringTime, testMail } from "../test/scanners.ts";
import {
  CONTINUE,
  fakeMilter,
  milterFilter,
  reply,
  say,
  STAGE_OF,
  talk,
  u32,
  type Behaviour,
  type FakeMilter,
} from "./test/fixtures.ts";

const heard = (milter: FakeMilter, letter: string): boolean => milter.heard.some((line) => line.startsWith(letter));

for (const [letter, stage] of Object.entries(STAGE_OF)) {
  test(`a milter that breaks at ${letter} is not silence`, async (t) => {
    const breaks: Readonly<Record<string, Buffer | "close">> = {
      closes: "close",
      "no reply at all": reply("?"),
      "a reply of no text": reply("y"),
      "an answer that is no code": reply("y", "200 fine\0"),
      "an injected line": reply("y", "550 x\r\n250 y\0"),
      "an empty packet": u32(0),
      "an endless packet": Buffer.concat([u32(0x7fff_ffff), Buffer.alloc(100)]),
      "an offer": reply("O", u32(6)),
      quarantine: reply("q", "spam\0"),
      "half a packet": Buffer.from([0, 0]),
    };
    for (const [what, answer] of Object.entries(breaks)) {
      const halves = what === "half a packet";
      const on: Record<string, Behaviour> = { [letter]: say(answer) };
      const clock = createFakeClock();
      const milter = await fakeMilter(t, { on });
      const { filter, services } = halves ? milterFilter(milter, {}, clock) : milterFilter(milter);
      const mail = testMail();
      const said = halves
        ? await duringTime(clock, 1000, talk(filter, mail), () => heard(milter, letter))
        : await talk(filter, mail);
      // At connect and hello it is asked again when there is a message.
      t.is(said.stage, letter === "C" || letter === "H" ? "sender" : stage, what);
      t.like(said.answer, { reply: { code: 451, status: "4.7.1" } }, what);
      t.true(
        mail.findings.some(({ symbol, score }) => symbol === "MILTER_TEST_DOWN" && score === 0),
        what,
      );
      t.true(services.logger.messages("warn").every((line) => line.startsWith("milter test did not scan: ")));
      t.true(services.logger.messages("warn").length > 0);
      if (halves) continue;
      const accepting = milterFilter(milter, { onFailure: "accept" });
      const other = testMail();
      t.is((await talk(accepting.filter, other)).answer, undefined, what);
      t.true(
        other.findings.some(({ symbol }) => symbol === "MILTER_TEST_DOWN"),
        what,
      );
    }
  });
}

for (const [what, negotiate] of Object.entries({
  "hangs up": "close",
  "speaks another protocol": Buffer.from("220 mx ESMTP\r\n"),
  "speaks version 1": reply("O", u32(1), u32(0), u32(0)),
  "speaks version 7": reply("O", u32(7), u32(0), u32(0)),
  "agrees to half": reply("O", u32(6), u32(0)),
  "answers otherwise": CONTINUE,
} as const)) {
  test(`a milter that ${what} where it should agree is not silence`, async (t) => {
    const milter = await fakeMilter(t, { negotiate });
    const { filter, services } = milterFilter(milter);
    t.like(await talk(filter, testMail()), { stage: "sender", answer: { reply: { code: 451 } } });
    t.is(services.logger.messages("warn").length, 2);
  });
}

test("a milter that is not there, or silent at any step, is down when the time is over", async (t) => {
  for (const letter of ["O", ...Object.keys(STAGE_OF)]) {
    const clock = createFakeClock();
    const milter = await fakeMilter(t, letter === "O" ? { negotiate: Buffer.alloc(0) } : { on: { [letter]: say(undefined) } });
    const { filter, services } = milterFilter(milter, {}, clock);
    t.like(
      (await duringTime(clock, 1000, talk(filter, testMail()), () => heard(milter, letter))).answer,
      { reply: { code: 451 } },
      letter,
    );
    t.regex(services.logger.messages("warn")[0] ?? "", /did not answer within 5s/);
  }
  const { filter } = milterFilter({ address: "unix:/nonexistent/milter" });
  t.like((await talk(filter, testMail())).answer, { reply: { code: 451 } });
});

test("a milter that is at work has more time, and not for ever", async (t) => {
  const clock = createFakeClock();
  const patient = await fakeMilter(t, { on: { E: say(Buffer.concat([reply("p"), reply("p"), CONTINUE])) } });
  t.is((await talk(milterFilter(patient, {}, clock).filter, testMail())).answer, undefined);

  const endless = await fakeMilter(t, { on: { E: say(Buffer.concat(Array.from({ length: 100_000 }, () => reply("p")))) } });
  const { filter, services } = milterFilter(endless, {}, clock);
  t.like((await duringTime(clock, 4000, talk(filter, testMail()), () => heard(endless, "E"))).answer, { reply: { code: 451 } });
  t.is(services.logger.messages("warn").length, 1);
});
