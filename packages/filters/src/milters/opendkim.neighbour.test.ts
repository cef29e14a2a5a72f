import { generateKeyPairSync } from "node:crypto";
import test from "ava";
import { dkimSign } from "mailauth/lib/dkim/sign.js";
import { startOpenDkim } from "@postern/testing";
import { parseHeader } from "@postern/message";
import { scanOf, show, testMail, testServices } from "../test/scanners.ts";
import { milters } from "./index.ts";
import { serverOf } from "./test/fixtures.ts";

const AUTHSERV = "mx.example.com";
const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
const privateKey = pair.privateKey.export({ type: "pkcs8", format: "pem" });
const publicText = pair.publicKey.export({ type: "spki", format: "der" }).toString("base64");
const daemon = await startOpenDkim({
  authservId: AUTHSERV,
  keys: { "s1._domainkey.example.net": `v=DKIM1; k=rsa; p=${publicText}` },
});
test.after.always(() => daemon.stop());

const PLAIN =
  "From: Ann <ann@example.net>\r\nTo: bob@example.com\r\nSubject: a\r\n folded one\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n\r\n";
const BODY = "Hello\r\n..dots\r\n".repeat(20_000);

const key = { signingDomain: "example.net", selector: "s1", privateKey };

async function signed(): Promise<string> {
  const { signatures } = await dkimSign(`${PLAIN}${BODY}`, {
    ...key,
    canonicalization: "simple/simple",
    signatureData: [key],
  });
  return `${signatures}${PLAIN}${BODY}`;
}

function mailOf(message: string) {
  const header = message.slice(0, message.indexOf("\r\n\r\n") + 2);
  return testMail({ header: parseHeader(Buffer.from(header, "latin1")) });
}

const results = ({ edits }: ReturnType<typeof testMail>): string[] =>
  edits.flatMap((edit) => (edit.do !== "remove" && edit.name === "Authentication-Results" ? [edit.value] : []));

test("real OpenDKIM verifies signatures, one message after the other in one visit", async (t) => {
  const services = testServices();
  const filter = milters.build({ servers: [serverOf(`inet:${daemon.port}@127.0.0.1`)] }, services);
  const good = await signed();
  const bad = good.replace("Hello", "Hallo");
  const forged = `Authentication-Results: ${AUTHSERV}; dkim=pass header.d=example.org\r\n${PLAIN}${BODY}`;
  const first = mailOf(good);
  const { visit } = first;
  t.is(await filter?.connect?.(visit), undefined);
  t.is(await filter?.hello?.(visit), undefined);

  const verdicts: string[] = [];
  for (const message of [good, bad, forged]) {
    const mail = { ...mailOf(message), id: `m${verdicts.length}`, visit };
    t.is(await filter?.sender?.(mail), undefined);
    for (const recipient of mail.recipients) t.is(await filter?.recipient?.(mail, recipient), undefined);
    t.is(await filter?.header?.(mail, mail.header ?? parseHeader(Buffer.alloc(0))), undefined);
    const scan = scanOf(filter, mail);
    t.true(scan.holds);
    t.is(await show(scan, message), undefined, services.logger.text());
    filter?.finished?.(mail, true);
    verdicts.push(/dkim=(\w+)/.exec(results(mail).join())?.[1] ?? "no result");
    const removed = mail.edits.some((edit) => edit.do === "remove" && edit.name === "Authentication-Results");
    t.is(removed, message === forged);
  }
  t.deepEqual(verdicts, ["pass", "fail", "none"]);
  t.deepEqual(services.logger.messages("warn"), []);
  filter?.left?.(visit);
  filter?.close?.();
});
