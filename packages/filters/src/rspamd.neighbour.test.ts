import test from "ava";
import { parseEndpoint } from "@postern/lookup";
import { GTUBE, startRspamd } from "@postern/testing";
import { rspamd } from "./rspamd.ts";
import { HEADER, scanOf, show, testMail, testServices } from "./test/scanners.ts";

const MAX_MESSAGE = 1024 * 1024;
const daemon = await startRspamd({ maxMessage: MAX_MESSAGE });
test.after.always(() => daemon.stop());

function built() {
  const parsed = parseEndpoint(`http://127.0.0.1:${daemon.port}`);
  if ("problem" in parsed) throw new Error(parsed.problem);
  const services = testServices();
  const settings = {
    url: [parsed.value],
    passwordFile: undefined,
    tls: { ca: undefined, verify: true },
    allowPlaintext: false,
    timeout: 30_000,
    atOnce: 10,
    maxSize: 100 * 1024 ** 2,
    onFailure: "defer",
    onLarge: "accept",
    follow: ["reject", "defer", "mark", "subject", "headers"],
  } as const;
  return { filter: rspamd.build(settings, services), services };
}

const message = (body: string): string => `${HEADER}\r\n${body}\r\n`;

test("real rspamd: GTUBE is refused in rspamd's words", async (t) => {
  const { filter } = built();
  const mail = testMail();
  t.deepEqual(await show(scanOf(filter, mail), message(GTUBE)), {
    action: "stop",
    reply: { code: 554, status: "5.7.1", lines: ["Gtube pattern"] },
  });
  t.true(mail.findings[0]?.text.includes("GTUBE"));
});

test("real rspamd: ordinary mail passes, with its headers; those of others are taken away", async (t) => {
  const { filter, services } = built();
  const mail = testMail({}, `${HEADER}X-Spam-Level: forged\r\n`);
  t.is(await show(scanOf(filter, mail), message("hello")), undefined);
  t.true(mail.edits.some((edit) => edit.do === "remove" && edit.name === "X-Spam-Level"));
  const results = mail.edits.filter((edit) => edit.do === "append" && edit.name === "X-Spamd-Result");
  t.is(results.length, 1);
  t.false(JSON.stringify(mail.edits).includes("\\n"));
  t.deepEqual(
    mail.findings.map(({ symbol }) => symbol),
    ["RSPAMD"],
  );
  t.deepEqual(services.logger.messages("warn"), []);
});

test("real rspamd: it is told of the envelope, and sees all of a large message", async (t) => {
  const { filter } = built();
  const large = message("line of text\r\n".repeat(50_000));
  t.is(await show(scanOf(filter, testMail({ id: "large-1" })), large), undefined);
  const line =
    daemon
      .log()
      .split("\n")
      .find((entry) => entry.includes("qid: <large-1>")) ?? "";
  t.regex(line, /ip: 192\.0\.2\.7/);
  t.regex(line, /from: <ann@example\.net>/);
  t.regex(line, /rcpts: <bob@example\.com>/);
  t.regex(line, new RegExp(`len: ${large.length}\\b`));
});

test("real rspamd: it hangs up on a message over its max_message, which is not silence", async (t) => {
  const { filter, services } = built();
  const answer = await show(scanOf(filter, testMail()), message("line of text\r\n".repeat(300_000)));
  t.like(answer, { reply: { code: 451 } });
  t.is(services.logger.messages("warn").length, 1);
});
