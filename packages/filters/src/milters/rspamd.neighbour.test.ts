import test from "ava";
import { GTUBE, startRspamd } from "@postern/testing";
import { HEADER, scanOf, show, testMail, testServices, testVisit } from "../test/scanners.ts";
import { serverOf } from "./test/fixtures.ts";
import { milters } from "./index.ts";

const daemon = await startRspamd();
test.after.always(() => daemon.stop());

test("real rspamd as a milter: GTUBE is refused, and ordinary mail of the same visit gets its headers", async (t) => {
  const services = testServices();
  const filter = milters.build({ servers: [serverOf(`127.0.0.1:${daemon.milterPort}`)] }, services);
  const visit = testVisit();
  t.is(await filter?.connect?.(visit), undefined);
  t.is(await filter?.hello?.(visit), undefined);

  const talk = async (id: string, body: string) => {
    const mail = testMail({ id, visit });
    t.is(await filter?.sender?.(mail), undefined);
    for (const recipient of mail.recipients) t.is(await filter?.recipient?.(mail, recipient), undefined);
    if (mail.header !== undefined) t.is(await filter?.header?.(mail, mail.header), undefined);
    const answer = await show(scanOf(filter, mail), `${HEADER}\r\n${body}\r\n`);
    filter?.finished?.(mail, answer === undefined);
    return { mail, answer };
  };

  const first = await talk("milter-1", "hello");
  t.is(first.answer, undefined, services.logger.text());
  t.true(first.mail.edits.some((edit) => edit.do === "append" && edit.name === "X-Spamd-Result"));
  const spam = await talk("milter-2", GTUBE);
  t.like(spam.answer, { reply: { code: 554, status: "5.7.1", lines: ["Gtube pattern"] } });
  const large = "line of text\r\n".repeat(30_000);
  const last = await talk("milter-3", large);
  t.is(last.answer, undefined);
  t.deepEqual(services.logger.messages("warn"), []);
  const line =
    daemon
      .log()
      .split("\n")
      .find((entry) => entry.includes("qid: <milter-3>")) ?? "";
  t.regex(line, /ip: 192\.0\.2\.7/);
  t.regex(line, /from: <ann@example\.net>/);
  t.regex(line, /rcpts: <bob@example\.com>/);
  t.regex(line, new RegExp(`len: ${HEADER.length + large.length + 4}\\b`));
  filter?.left?.(visit);
  filter?.close?.();
});
