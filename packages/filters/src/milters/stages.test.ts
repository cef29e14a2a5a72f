import test from "ava";
import { parseHeader } from "@postern/message";
import { testSession, testTls } from "@postern/testing";
import { recipientOf, scanOf, show, testMail, testServices, testVisit } from "../test/scanners.ts";
import { CONTINUE, fakeMilter, milterFilter, reply, say, talk, u32 } from "./test/fixtures.ts";
import { milters } from "./index.ts";

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
