import test from "ava";
import { testMail } from "../test/scanners.ts";
import { fakeMilter, milterFilter, reply, say, STAGE_OF, talk } from "./test/fixtures.ts";

for (const [letter, stage] of Object.entries(STAGE_OF)) {
  test(`a milter refuses, defers, hangs up and replies at ${stage} (${letter})`, async (t) => {
    const cases = [
      [reply("r"), { code: 550, status: "5.7.1", lines: ["Command rejected"] }, undefined],
      [reply("t"), { code: 451, status: "4.7.1", lines: ["Service unavailable, try again later"] }, undefined],
      [reply("4"), { code: 421, status: "4.7.0", lines: ["Service unavailable, closing the connection"] }, true],
      [reply("y", "554 5.7.9 no\u0007 %% way\0"), { code: 554, status: "5.7.9", lines: ["no  % way"] }, undefined],
      [reply("y", "421 4.3.2 bye\0"), { code: 421, status: "4.3.2", lines: ["bye"] }, true],
      [reply("y", "550-5.1.1 a\r\n550 5.1.1 b\0"), { code: 550, status: "5.1.1", lines: ["a", "b"] }, undefined],
      [reply("y", "550 4.1.1 other class\0"), { code: 550, status: "5.7.1", lines: ["other class"] }, undefined],
      [reply("y", "450\0"), { code: 450, status: "4.7.1", lines: ["Command rejected"] }, undefined],
    ] as const;
    for (const [answer, expected, hangUp] of cases) {
      const milter = await fakeMilter(t, { on: { [letter]: say(answer) } });
      const { filter, services } = milterFilter(milter);
      const mail = testMail();
      const said = await talk(filter, mail);
      t.is(said.stage, stage);
      t.like(said.answer, { action: "stop", reply: expected });
      t.is(said.answer?.action === "stop" ? said.answer.hangUp : false, hangUp);
      t.deepEqual(
        [...mail.visit.findings, ...mail.findings].map(({ symbol }) => symbol),
        ["MILTER_TEST"],
      );
      t.deepEqual(services.logger.messages("warn"), []);
    }
  });
}

test("what a milter accepts it is not asked about again", async (t) => {
  for (const [letter, later] of [
    ["C", ""],
    ["H", ""],
    ["M", ""],
    ["R", ""],
    ["N", ""],
    ["B", ""],
  ] as const) {
    const milter = await fakeMilter(t, { on: { [letter]: say(reply("a")) } });
    const { filter } = milterFilter(milter);
    const mail = testMail();
    t.is((await talk(filter, mail)).answer, undefined);
    filter.finished?.(mail, true);
    const letters = milter.heard
      .filter((line) => !/^[DQA]/.test(line))
      .map((line) => line[0])
      .join("");
    t.true(letters.endsWith(`${letter}${later}`), letters);
    const next = testMail({ id: "m2", visit: mail.visit });
    t.is((await talk(filter, next)).answer, undefined);
    const again = milter.heard.some((line) => line.startsWith("DMi|m2|"));
    t.is(again, letter !== "C" && letter !== "H");
  }
});

test("discard never throws mail away: it is refused, or goes on, and the log says so", async (t) => {
  for (const letter of ["M", "R", "N", "B", "E"]) {
    const milter = await fakeMilter(t, { on: { [letter]: say(reply("d")) } });
    const refusing = milterFilter(milter);
    t.like((await talk(refusing.filter, testMail())).answer, { reply: { code: 554, status: "5.7.1" } });
    const accepting = milterFilter(milter, { discard: "accept" });
    t.is((await talk(accepting.filter, testMail())).answer, undefined);
    for (const { services } of [refusing, accepting]) t.regex(services.logger.messages("warn").join(), /wants to discard mail/);
  }
});
