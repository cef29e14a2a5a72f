import test from "ava";
import { parseHeader } from "@postern/message";
import { createFakeClock, testSession, testTls } from "@postern/testing";
import { duringTime, scanOf, show, testMail, recipientOf, testServices, testVisit } from "../test/scanners.ts";
import { CONTINUE, fakeMilter, milterFilter, reply, serverOf, talk, u32, type Behaviour } from "./test/fixtures.ts";
import { milters } from "./index.ts";

const say =
  (answer: Buffer | "close" | undefined): Behaviour =>
  () =>
    answer;

test("without servers it is off", (t) => {
  t.is(milters.build({ servers: [] }, testServices()), undefined);
});

test("a milter is told of every step, with its macros, in the order of the protocol", async (t) => {
  const milter = await fakeMilter(t);
  const { filter } = milterFilter(milter);
  const visit = testVisit({ session: testSession({ tls: testTls({ version: "TLSv1.3", cipher: "TLS_X" }) }) });
  const header = parseHeader(Buffer.from("Subject: a\r\n\tb\r\nX-Eight: \xe4\r\nEmpty:\r\n", "latin1"));
  const recipients = ["b@example.com", "c@example.com"].map(recipientOf);
  const mail = testMail({ visit, header, recipients });
  t.deepEqual(await talk(filter, mail, "body\r\n"), { stage: "end", answer: undefined });
  filter.finished?.(mail, true);
  filter.left?.(visit);
  const said = milter.heard.slice(1).filter((line) => !line.startsWith("D"));
  t.deepEqual(
    said,
    [
      "Cclient.example.net|4\x12\x67192.0.2.7|",
      "Hclient.example.net|",
      "M<ann@example.net>|SIZE=100|",
      "R<b@example.com>|",
      "R<c@example.com>|",
      "T",
      "LSubject| a\n\tb|",
      "LX-Eight| \xe4|",
      "LEmpty||",
      "N",
      "B6",
      "E",
    ].map((line) => line.replace("| ", "|")),
  );
  t.deepEqual(
    milter.heard.filter((line) => line.startsWith("D")),
    [
      "DCj|mx.example.com|{daemon_name}|mx.example.com|{daemon_addr}|192.0.2.1:143|v|Postern|_|client.example.net [192.0.2.7]|{client_addr}|192.0.2.7|{client_name}|client.example.net|{client_port}|4711|{client_ptr}|client.example.net|",
      "DH{tls_version}|TLSv1.3|{cipher}|TLS_X|",
      "DMi|m1|{mail_addr}|ann@example.net|{mail_host}|example.net|{mail_mailer}|smtp|",
      "DRi|m1|{rcpt_addr}|b@example.com|{rcpt_host}|example.com|{rcpt_mailer}|smtp|",
      "DRi|m1|{rcpt_addr}|c@example.com|{rcpt_host}|example.com|{rcpt_mailer}|smtp|",
      "DTi|m1|",
      "DNi|m1|",
      "DEi|m1|",
    ],
  );
});

test("steps that a milter does not want, or does not answer, are left out, or not waited for", async (t) => {
  const noConnectHelloFieldsData = 0x01 | 0x02 | 0x20 | 0x200;
  const unanswered = 0x4000 | 0x8000 | 0x4_0000 | 0x8_0000;
  const nothing = say(undefined);
  const milter = await fakeMilter(t, {
    steps: noConnectHelloFieldsData | unanswered,
    on: { M: nothing, R: nothing, N: nothing, B: nothing },
  });
  const { filter } = milterFilter(milter);
  t.is((await talk(filter, testMail(), "x".repeat(200_000))).answer, undefined);
  const letters = milter.heard.filter((line) => !line.startsWith("D")).map((line) => line[0]);
  t.is(letters.join(""), "OMRNBBBBE");
  t.deepEqual(
    milter.bodies.map(({ length }) => length),
    [65_535, 65_535, 65_535, 3395],
  );
});

test("a milter chooses its macros; unknown names are left out", async (t) => {
  const chosen = Buffer.concat([
    u32(2),
    Buffer.from("i {mail_addr} constructor __proto__ {no}\0"),
    u32(0),
    Buffer.from("\0"),
    u32(99),
    Buffer.from("j\0"),
  ]);
  const milter = await fakeMilter(t, { actions: 0x115, macros: chosen });
  const { filter } = milterFilter(milter);
  t.is((await talk(filter, testMail())).answer, undefined);
  t.true(milter.heard.includes("DMi|m1|{mail_addr}|ann@example.net|"));
  t.false(milter.heard.some((line) => line.startsWith("DC")));
});

const BY_LETTER = {
  C: "connect",
  H: "hello",
  M: "sender",
  R: "recipient1",
  T: "header",
  L: "header",
  N: "header",
  B: "content",
  E: "content",
} as const;

for (const [letter, stage] of Object.entries(BY_LETTER)) {
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
      const said = halves ? await duringTime(clock, 1000, talk(filter, mail)) : await talk(filter, mail);
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
  for (const letter of ["O", ...Object.keys(BY_LETTER)]) {
    const clock = createFakeClock();
    const milter = await fakeMilter(t, letter === "O" ? { negotiate: Buffer.alloc(0) } : { on: { [letter]: say(undefined) } });
    const { filter, services } = milterFilter(milter, {}, clock);
    t.like((await duringTime(clock, 1000, talk(filter, testMail()))).answer, { reply: { code: 451 } }, letter);
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
  t.like((await duringTime(clock, 4000, talk(filter, testMail()))).answer, { reply: { code: 451 } });
  t.is(services.logger.messages("warn").length, 1);
});

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

test("a milter that has seen enough of the body gets the end", async (t) => {
  const milter = await fakeMilter(t, { on: { B: say(reply("s")) } });
  const { filter } = milterFilter(milter);
  t.is((await talk(filter, testMail(), "x".repeat(500_000))).answer, undefined);
  t.deepEqual(
    milter.heard.filter((line) => /^[BE]/.test(line)),
    ["B65535", "E"],
  );
});

test("a refused recipient leaves the others", async (t) => {
  const milter = await fakeMilter(t, { on: { R: (_heard, nth) => (nth === 2 ? reply("r") : CONTINUE) } });
  const { filter } = milterFilter(milter);
  const mail = testMail();
  const answers = [];
  for (const address of ["a@x", "b@x", "c@x"]) answers.push(await filter.recipient?.(mail, recipientOf(address)));
  t.deepEqual(
    answers.map((answer) => answer?.action),
    [undefined, "stop", undefined],
  );
  t.is(await filter.header?.(mail, mail.header!), undefined);
});

test("stages that nobody asked at are made up for", async (t) => {
  const milter = await fakeMilter(t);
  const { filter } = milterFilter(milter);
  const mail = testMail();
  t.is(await show(scanOf(filter, mail), "Subject: x\r\n\r\nbody\r\n"), undefined);
  const letters = milter.heard
    .filter((line) => !line.startsWith("D"))
    .map((line) => line[0])
    .join("");
  t.is(letters, "OCHMRTLLLNBE");
});

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

async function eventually(t: { fail(words: string): void }, holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 500; turn += 1) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  t.fail("it does not come");
}
