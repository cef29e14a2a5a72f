// The delivery with a real Postfix and a real Dovecot (LMTP) behind it.

import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import test from "ava";
import type { Leg } from "@postern/contracts";
import { startDovecot, startPostfix, testCertificate, testLeg, type Dovecot, type Postfix } from "@postern/testing";
import { asTimePasses, scene, type MessageOptions, type Scene } from "./test/scene.ts";

let postfix: Postfix;
let dovecot: Dovecot;

test.before(async () => {
  postfix = await startPostfix({ users: {}, inbound: true, tls: testCertificate(), messageSizeLimit: 100_000 });
  dovecot = await startDovecot({ users: { alice: "a", bob: "b", broken: "c" }, lmtp: true, trustedNetworks: "127.0.0.0/8" });
});

test.after.always(async () => {
  await postfix?.stop();
  await dovecot?.stop();
});

const smtp = (rest: Partial<Leg> = {}): Leg =>
  testLeg(postfix.port, { backend: "mx", protocol: "smtp", scheme: "smtp", ...rest });
const lmtp = (): Leg => testLeg(dovecot.lmtpPort, { backend: "store", protocol: "smtp", scheme: "lmtp" });

async function sendOne(one: Scene, leg: Leg, subject: string, options: MessageOptions = {}, body = "Hello\r\n"): Promise<string> {
  const message = one.message(options);
  const answer = await message.to("alice@example.com", [leg]);
  return answer.startsWith("2") ? message.send(`Subject: ${subject}\r\n\r\n${body}`) : answer;
}

/** The message with this subject that Postfix has delivered. */
async function delivered(server: Postfix, subject: string): Promise<string> {
  for (let turn = 0; turn < 500; turn++) {
    const found = (await server.messages()).map(String).find((one) => one.includes(`Subject: ${subject}\n`));
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`No message ${subject}`);
}

/** Bodies of a user's new mail. */
async function mailOf(user: string): Promise<string[]> {
  const folder = join(dovecot.folder(user), "new");
  const names = await readdir(folder).catch(() => []);
  return Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
}

test.serial("postfix: hears of each client by XCLIENT, and is greeted by its name", async (t) => {
  const one = scene(t);
  t.regex(await sendOne(one, smtp(), "first", { client: "203.0.113.1", hello: "one.example.org" }), /^250 2\.0\.0 Ok: queued/);
  t.regex(
    await sendOne(one, smtp(), "second", { client: "203.0.113.2", hello: "two.example.org", hostName: "two.example.org" }),
    /^250/,
  );
  t.regex(await delivered(postfix, "first"), /Received: from one\.example\.org \(.*\[203\.0\.113\.1\]\)/);
  t.regex(await delivered(postfix, "second"), /Received: from two\.example\.org \(two\.example\.org \[203\.0\.113\.2\]\)/);
  t.false(postfix.log().includes("lost connection after END"));
});

test.serial("postfix: a client whose address it cannot take is nobody, and not the gateway", async (t) => {
  t.regex(await sendOne(scene(t), smtp(), "sixth", { client: "2001:db8::2", hello: "six.example.org" }), /^250/);
  t.regex(await delivered(postfix, "sixth"), /Received: from six\.example\.org \(unknown \[unknown\]\)/);
});

test.serial("postfix: gives its own answers to recipients, and to a message that is too large", async (t) => {
  const one = scene(t);
  const message = one.message();
  t.regex(await message.to("somebody@example.net", [smtp()]), /^554 5\.7\.1 <somebody@example\.net>: Recipient address rejected/);
  t.regex(await message.to("alice@example.com", [smtp()]), /^250 2\.1\.5 Ok/);
  t.regex(await message.send("Subject: large\r\n\r\n", `${"x".repeat(900)}\r\n`.repeat(200)), /^552 5\.3\.4/);
  t.regex(await sendOne(one, smtp(), "said", { parameters: { SIZE: "99999999" } }), /^552 5\.3\.4/);
  t.regex(await sendOne(one, smtp(), "small"), /^250/);
});

test.serial("postfix: dots, long lines and an end without a line end come out as they went in", async (t) => {
  const body = `.\r\n..\r\n.leading\r\n${"y".repeat(990)}\r\n.last`;
  t.regex(await sendOne(scene(t), smtp({ tls: "starttls" }), "dots", {}, body), /^250/);
  const text = await delivered(postfix, "dots");
  t.is(text.slice(text.indexOf("\n\n") + 2), `${body.replaceAll("\r\n", "\n")}\n`);
});

for (const end of ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r"]) {
  test.serial(`postfix: ${JSON.stringify(end)} reaches it in no form, though it would end a message for it`, async (t) => {
    const smuggled = `one${end}MAIL FROM:<evil@example.org>\r\nRCPT TO:<alice@example.com>\r\nDATA\r\nSubject: smuggled\r\n\r\ntwo\r\n`;
    t.regex(await sendOne(scene(t), smtp(), `outer ${JSON.stringify(end)}`, {}, smuggled), /^451 4\.3\.0/);
    const texts = (await postfix.messages()).map(String);
    t.false(texts.some((text) => text.includes("smuggled") || text.includes("Subject: outer")));
    t.false(postfix.log().includes("evil@example.org"));
  });
}

test.serial("postfix: half a message is none", async (t) => {
  const message = scene(t).message();
  await message.to("alice@example.com", [smtp()]);
  await message.delivery.begin();
  await message.delivery.write(Buffer.from("Subject: half\r\n\r\nhalf of it\r\n"));
  message.delivery.abort();
  await postfix.logged(/lost connection after DATA/);
  t.regex(await sendOne(scene(t), smtp(), "after half"), /^250/);
  await delivered(postfix, "after half");
  t.false((await postfix.messages()).some((one) => one.includes("Subject: half")));
});

test.serial("postfix: an address that is not ASCII arrives as UTF-8", async (t) => {
  const one = scene(t);
  t.regex(
    await sendOne(one, smtp(), "utf8", { from: "jörg@example.org", parameters: { SMTPUTF8: undefined, BODY: "8BITMIME" } }),
    /^250/,
  );
  await postfix.logged(/from=<jörg@example\.org>/);
  t.regex(await delivered(postfix, "utf8"), /Return-Path: <jörg@example\.org>/);
});

test.serial("postfix: XFORWARD tells its log of each client, on one connection", async (t) => {
  const other = await startPostfix({ users: {}, inbound: true, xclientHosts: "192.0.2.1", xforwardHosts: "127.0.0.0/8" });
  t.teardown(() => other.stop());
  const leg = testLeg(other.port, { protocol: "smtp", scheme: "smtp" });
  const one = scene(t);
  t.regex(await sendOne(one, leg, "f1", { client: "203.0.113.1", hello: "one.example.org" }), /^250/);
  t.regex(await sendOne(one, leg, "f2", { client: "203.0.113.2", hello: "two.example.org" }), /^250/);
  await other.logged(/client=\S+\[127\.0\.0\.1\], orig_queue_id=m1, orig_client=\S+\[203\.0\.113\.1\]/);
  await other.logged(/orig_queue_id=m2, orig_client=\S+\[203\.0\.113\.2\]/);
  t.is(other.log().match(/: connect from/g)?.length, 2);
});

test.serial("postfix: a PROXY header gives each client its own connection", async (t) => {
  const other = await startPostfix({ users: {}, inbound: true, xclientHosts: "192.0.2.1", proxyHeader: true });
  t.teardown(() => other.stop());
  const leg = testLeg(other.port, { protocol: "smtp", scheme: "smtp", proxyHeader: "v2" });
  const one = scene(t);
  for (const client of ["203.0.113.1", "203.0.113.2"]) t.regex(await sendOne(one, leg, client, { client }), /^250/);
  await other.logged(/: client=\S+\[203\.0\.113\.1\]/);
  await other.logged(/: client=\S+\[203\.0\.113\.2\]/);
});

test.serial("postfix: one that was started again is reached, although connections to it waited", async (t) => {
  const one = scene(t);
  t.regex(await sendOne(one, smtp(), "before"), /^250/);
  await postfix.end();
  const during = await asTimePasses(one.clock, sendOne(one, smtp(), "during"));
  t.regex(during, /^451/);
  await postfix.startAgain();
  t.regex(await sendOne(one, smtp(), "after"), /^250/);
  await delivered(postfix, "after");
});

test.serial("dovecot: LMTP delivers to each recipient, and is told of the client", async (t) => {
  const one = scene(t);
  const message = one.message({ client: "203.0.113.9" });
  t.regex(await message.to("alice", [lmtp()]), /^250 2\.1\.5/);
  t.regex(await message.to("nobody", [lmtp()]), /^550 5\.1\.1/);
  t.regex(await message.to("bob", [lmtp()]), /^250 2\.1\.5/);
  t.regex(await message.send("Subject: lmtp\r\n\r\n.dot\r\n"), /^250 2\.0\.0 <alice> \S+ Saved/);
  for (const user of ["alice", "bob"])
    t.true((await mailOf(user)).some((text) => text.includes("Subject: lmtp") && text.includes("\n.dot\n")));
  t.true(one.trace.some((line) => line.startsWith("G: XCLIENT") && line.includes("ADDR=203.0.113.9")));
  const second = one.message();
  t.regex(await second.to("bob", [lmtp()]), /^250/);
  t.regex(await second.send("Subject: again\r\n\r\n"), /^250/);
  t.is(one.trace.filter((line) => line.startsWith("G: LHLO gw")).length, 1);
});

test.serial("dovecot: a recipient that cannot be delivered to is the answer, and the other one is named", async (t) => {
  const home = dirname(dovecot.folder("broken"));
  await mkdir(dirname(home), { recursive: true });
  await writeFile(home, "in the way of a folder");
  const message = scene(t).message();
  t.regex(await message.to("alice", [lmtp()]), /^250/);
  t.regex(await message.to("broken", [lmtp()]), /^250/);
  t.regex(await message.send("Subject: partial\r\n\r\n"), /^4\d\d/);
  t.deepEqual(message.delivery.facts.mayBeDoubled, ["store alice"]);
  t.true((await mailOf("alice")).some((text) => text.includes("Subject: partial")));
});

test.serial("postfix and dovecot take one message together", async (t) => {
  const message = scene(t).message();
  t.regex(await message.to("alice@example.com", [smtp()]), /^250/);
  t.regex(await message.to("bob", [lmtp()]), /^250/);
  t.regex(await message.send("Subject: both\r\n\r\nx\r\n"), /^250/);
  await delivered(postfix, "both");
  t.true((await mailOf("bob")).some((text) => text.includes("Subject: both")));
});
