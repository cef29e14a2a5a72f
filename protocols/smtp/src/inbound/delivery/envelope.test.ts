import test from "ava";
import { Failure, type MailRecipient } from "@postern/contracts";
import { mailCommand, rcptCommand, unfitRecipient, unfitSender, type Taker } from "./envelope.ts";

const ALL = ["SIZE", "8BITMIME", "SMTPUTF8", "DSN", "REQUIRETLS"];
const taker = (names: readonly string[], secure = true): Taker => ({
  extensions: new Map(names.map((name) => [name, []])),
  secure,
});
const sender = (address: string, parameters: Readonly<Record<string, string | undefined>> = {}) => ({
  address,
  parameters: new Map(Object.entries(parameters)),
});
const recipient = (deliverTo: string, parameters: Readonly<Record<string, string>> = {}): MailRecipient => ({
  address: "was@example.com",
  deliverTo,
  routeAs: deliverTo,
  parameters: new Map(Object.entries(parameters)),
});
const FULL = { SIZE: "100", BODY: "8BITMIME", RET: "HDRS", ENVID: "a+20b" };

/** As the dialogue writes it. */
const bytes = (command: string): Buffer => Buffer.from(command, "latin1");

test("envelope: a backend gets the parameters that it lists, and no others", (t) => {
  const from = sender("a@example.org", { ...FULL, AUTH: "<>", "X-OTHER": "1" });
  t.is(mailCommand(from, taker(ALL)), "MAIL FROM:<a@example.org> SIZE=100 BODY=8BITMIME RET=HDRS ENVID=a+20b\r\n");
  t.is(mailCommand(from, taker(["SIZE"])), "MAIL FROM:<a@example.org> SIZE=100\r\n");
  t.is(mailCommand(sender(""), taker(ALL)), "MAIL FROM:<>\r\n");
  const to = recipient("b@example.com", { NOTIFY: "NEVER", ORCPT: "rfc822;b@example.com" });
  t.is(rcptCommand(to, taker(ALL)), "RCPT TO:<b@example.com> NOTIFY=NEVER ORCPT=rfc822;b@example.com\r\n");
  t.is(rcptCommand(to, taker([])), "RCPT TO:<b@example.com>\r\n");
});

test("envelope: an address that is not ASCII goes out as UTF-8, with SMTPUTF8", (t) => {
  t.deepEqual(bytes(mailCommand(sender("ö@example.org"), taker(ALL))), Buffer.from("MAIL FROM:<ö@example.org> SMTPUTF8\r\n"));
  // Written as latin1 its low bytes would be CR and LF.
  t.deepEqual(
    bytes(rcptCommand(recipient("\u010d\u010a@example.com"), taker(ALL))),
    Buffer.from("RCPT TO:<\u010d\u010a@example.com>\r\n"),
  );
});

test("envelope: what a backend must have and has not is a refusal", (t) => {
  const status = (parameters: Readonly<Record<string, string | undefined>>, names: readonly string[], secure = true) =>
    unfitSender(sender("a@example.org", parameters), taker(names, secure))?.status;
  t.is(status(FULL, ALL), undefined);
  t.is(status({ SMTPUTF8: undefined }, ["8BITMIME"]), "5.6.7");
  t.is(status({ BODY: "8BITMIME" }, []), "5.6.3");
  t.is(status({ BODY: "7bit" }, []), undefined);
  t.is(status({ REQUIRETLS: undefined }, []), "5.7.30");
  t.is(status({ REQUIRETLS: undefined }, ALL, false), "5.7.30");
  t.is(status({ REQUIRETLS: undefined }, ALL), undefined);
  t.is(unfitSender(sender("ö@example.org"), taker([]))?.status, "5.6.7");
});

test("envelope: a recipient that is not ASCII needs a transaction that is UTF-8", (t) => {
  t.is(unfitRecipient(recipient("ö@example.com"), sender("a@example.org"))?.status, "5.6.7");
  t.is(unfitRecipient(recipient("ö@example.com"), sender("a@example.org", { SMTPUTF8: undefined })), undefined);
  t.is(unfitRecipient(recipient("o@example.com"), sender("a@example.org")), undefined);
});

const SMUGGLED = [
  "a@example.com>\r\nRSET",
  "a@example.com\nRSET",
  "a\0@example.com",
  "a@example.com> SIZE=1",
  "a b@example.com",
  "<a@example.com",
  'a"b@example.com',
  '"a\\"@example.com',
  "a\u0085b@example.com",
];
for (const address of SMUGGLED) {
  test(`envelope: ${JSON.stringify(address)} is not written to a backend`, (t) => {
    t.is(unfitRecipient(recipient(address), sender("a@example.org"))?.code, 553);
    t.throws(() => rcptCommand(recipient(address), taker(ALL)), { instanceOf: Failure });
    t.throws(() => mailCommand(sender(address), taker(ALL)), { instanceOf: Failure });
  });
}

test("envelope: no parameter ends the word or the line", (t) => {
  for (const value of ["a\r\nRSET", "a b", "a=b", "a\0", ""]) {
    t.throws(() => mailCommand(sender("a@example.org", { ENVID: value }), taker(ALL)), { instanceOf: Failure });
    t.throws(() => rcptCommand(recipient("a@example.org", { ORCPT: value }), taker(ALL)), { instanceOf: Failure });
  }
});

test("envelope: quoted local parts pass as they are", (t) => {
  t.is(rcptCommand(recipient('"a b>\\""@example.com'), taker([])), 'RCPT TO:<"a b>\\""@example.com>\r\n');
});
