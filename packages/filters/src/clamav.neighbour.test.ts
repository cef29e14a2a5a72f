import test from "ava";
import { startClamd, VIRUS, VIRUS_NAME } from "@postern/testing";
import { clamav } from "./clamav.ts";
import { parseScannerAddress } from "./scanner-address.ts";
import { scanOf, show, testMail, testServices } from "./test/scanners.ts";

const STREAM_MAX = 1024 * 1024;
const clamd = await startClamd({ streamMaxLength: STREAM_MAX });
test.after.always(() => clamd.stop());

function built(address: string) {
  const parsed = parseScannerAddress(address);
  if ("problem" in parsed) throw new Error(parsed.problem);
  const services = testServices();
  const settings = {
    address: [parsed.value],
    timeout: 30_000,
    atOnce: 10,
    maxSize: 100 * 1024 ** 2,
    onFailure: "defer",
    onLarge: "accept",
    action: "refuse",
    score: 20,
  } as const;
  return { filter: clamav.build(settings, services), services };
}

const ADDRESSES = { "a unix socket": `unix:${clamd.socketPath}`, TCP: `inet:${clamd.port}@127.0.0.1` };
const message = (body: string): string => `From: a@example.net\r\nSubject: x\r\n\r\n${body}\r\n`;

for (const [how, address] of Object.entries(ADDRESSES)) {
  test(`real clamd over ${how}: ordinary mail passes, what its signature knows is refused`, async (t) => {
    const { filter, services } = built(address);
    t.is(await show(scanOf(filter, testMail()), message("hello")), undefined);
    const large = message("line of text\r\n".repeat(60_000));
    t.is(await show(scanOf(filter, testMail()), large), undefined);
    const refused = { action: "stop", reply: { code: 554, lines: [`The message contains malware: ${VIRUS_NAME}`] } } as const;
    t.like(await show(scanOf(filter, testMail()), message(VIRUS)), refused);
    t.like(await show(scanOf(filter, testMail()), `${large}${VIRUS}\r\n`), refused);
    t.deepEqual(services.logger.messages("warn"), []);
  });

  // It says so and hangs up; whether its words are read first is a matter of luck.
  test(`real clamd over ${how}: a message over StreamMaxLength is not scanned, which is not silence`, async (t) => {
    const { filter, services } = built(address);
    const mail = testMail();
    await show(scanOf(filter, mail), Buffer.alloc(8 * STREAM_MAX, "abc\r\n"), 64 * 1024);
    t.regex(mail.findings.map(({ symbol }) => symbol).join(), /^CLAMAV_(TOO_LARGE|DOWN)$/, services.logger.text());
    t.is(services.logger.messages("warn").length, 1);
  });
}

test("real clamd: many messages at once", async (t) => {
  const { filter } = built(ADDRESSES.TCP);
  const bodies = Array.from({ length: 100 }, (_, i) => (i % 10 === 0 ? VIRUS : `hello ${i}`));
  const answers = await Promise.all(bodies.map((body) => show(scanOf(filter, testMail()), message(body))));
  t.is(answers.filter((answer) => answer?.action === "stop").length, 10);
});
