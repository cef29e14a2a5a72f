// Mail that comes in through the real program, by clients that we did not write: swaks, curl, Python's smtplib, nodemailer,
// smtp-source and openssl; to two real Postfixes and a real Dovecot, which must hear who the client is, and get every byte.

import { join } from "node:path";
import test from "ava";
import { createTransport } from "nodemailer";
import { run, succeed } from "./clients.ts";
import type { Gateway } from "./gateway-process.ts";
import { DAEVE, routesTo, startExchange, startInbound, stored, STRANGER, type Exchange } from "./inbound.ts";
import { authority } from "./mailboxes.ts";
import { delivered, message, someWord } from "./submitters.ts";

const ALICE = "alice@example.com";
const BOB = "bob@example.com";
const ERIN = "erin@example.com";

let exchange: Exchange;
let gateway: Gateway;
/** In front of the two Postfixes alone: Dovecot's LMTP has no SMTPUTF8, and what not all have is not offered. */
let postfixes: Gateway;
let ca: string;

test.before(async () => {
  exchange = await startExchange();
  gateway = await startInbound(exchange);
  const { mx1, mx2 } = exchange.backends;
  postfixes = await startInbound({ backends: { mx1, mx2 } }, { routes: routesTo("mx1", "mx2") });
  ca = join(gateway.folder, "ca.pem");
});

test.after.always(async () => {
  await gateway?.stop();
  await postfixes?.stop();
  await exchange?.stop();
});

const port = (): string => String(gateway.port("smtp"));

/** Our Received field in what was delivered: once, with what is known of the client. */
function receivedIn(head: string, hello: string, host: string): string {
  const unfolded = head.replaceAll(/\n[ \t]+/g, " ");
  const fields = unfolded.split("\n").filter((line) => /^Received: .* by mail\.example\.com /.test(line));
  const [field = ""] = fields;
  if (fields.length !== 1) throw new Error(`${fields.length} of our Received fields in ${head}`);
  if (!field.startsWith(`Received: from ${hello} (unknown [${host}]) `)) throw new Error(`another client in ${field}`);
  return field;
}

/** What SMTP gets wrong once: dots, long lines, all bytes but CR, LF and NUL, empty lines at the end, nothing at all. */
const ODD = [
  ".\r\n..\r\n.hidden\r\n...\r\n\r\n.\r\n",
  `${Array.from({ length: 224 }, (_, at) => String.fromCharCode(32 + at)).join("")}\r\n`,
  `${"x".repeat(998)}\r\n${"y".repeat(20_000)}\r\n`,
  "\r\n\r\n\r\n",
  "",
];

const SMTPLIB = `
import smtplib, ssl, sys
port, ca, source, sender, to, utf8 = sys.argv[1:]
s = smtplib.SMTP("127.0.0.1", int(port), local_hostname="python.example.net", source_address=(source, 0))
if ca:
    s.starttls(context=ssl.create_default_context(cafile=ca))
s.sendmail(sender, to.split(","), sys.stdin.buffer.read(), mail_options=["SMTPUTF8", "BODY=8BITMIME"] if utf8 else [])
s.quit()
`;

interface Sent {
  readonly tls?: boolean;
  readonly from?: string;
  readonly sender?: string;
  readonly utf8?: boolean;
  readonly through?: Gateway;
}

function smtplib(to: string, text: string, options: Sent = {}) {
  const { tls = true, from = "127.0.0.1", sender = STRANGER, utf8 = false, through = gateway } = options;
  const args = [String(through.port("smtp")), tls ? ca : "", from, sender, to, utf8 ? "1" : ""];
  return succeed("/usr/bin/python3", ["-c", SMTPLIB, ...args], { input: Buffer.from(text, "latin1") });
}

for (const [name, to, server] of [
  ["told by XCLIENT", ALICE, () => exchange.mx1],
  ["told by a PROXY header, behind STARTTLS", BOB, () => exchange.mx2],
] as const) {
  test.serial(`inbound: smtplib's odd messages arrive byte for byte at the Postfix that is ${name}`, async (t) => {
    for (const body of ODD) {
      const word = someWord();
      const sent = message(word, STRANGER, body);
      await smtplib(to, sent, { from: "127.0.0.21" });
      const { head, message: got } = await delivered(server(), word);
      t.is(got.toString("latin1"), sent);
      const received = receivedIn(head, "python.example.net", "127.0.0.21");
      t.regex(
        received,
        new RegExp(`using TLSv1\\.3 with cipher \\w+\\) by mail\\.example\\.com with ESMTPS id \\S+ for <${to}>;`),
      );
      t.regex(server().log(), /: client=\S+\[127\.0\.0\.21\]/);
      t.notRegex(server().log(), /: client=\S+\[127\.0\.0\.1\]/);
    }
  });
}

test.serial("inbound: smtplib's odd messages arrive at Dovecot, by LMTP, and it is told of the client", async (t) => {
  for (const body of ODD) {
    const word = someWord();
    const sent = message(word, STRANGER, body);
    await smtplib(ERIN, sent, { from: "127.0.0.22" });
    const text = await stored(exchange.store, ERIN, word);
    t.is(text.slice(text.indexOf("Subject: ")).replaceAll("\n", "\r\n"), sent);
    receivedIn(text.slice(0, text.indexOf("Subject: ")), "python.example.net", "127.0.0.22");
    t.regex(text, /^Received: from python\.example\.net \(\[127\.0\.0\.22\]\)\s+by \S+ with LMTPS?/m);
  }
});

test.serial("inbound: swaks sends with STARTTLS and without", async (t) => {
  for (const tls of [true, false]) {
    const word = someWord();
    const options = tls ? ["--tls", "--tls-verify", "--tls-ca-path", ca] : [];
    const server = ["--server", "127.0.0.1", "--port", port(), "--local-interface", "127.0.0.31", ...options];
    const mail = ["--helo", "swaks.example.net", "--from", STRANGER, "--to", `${ALICE},${BOB}`, "--header", `Subject: ${word}`];
    const { code, stdout } = await run("swaks", [...server, ...mail]);
    t.is(code, 0, stdout.toString());
    for (const mx of [exchange.mx1, exchange.mx2]) {
      const received = receivedIn((await delivered(mx, word)).head, "swaks.example.net", "127.0.0.31");
      t.is(received.includes("with ESMTPS id"), tls, received);
      t.false(received.includes(" for <"), received);
    }
  }
});

test.serial("inbound: swaks is told by Postfix and by Dovecot, in their words, that there is nobody of the name", async (t) => {
  for (const [to, words] of [
    ["gone@example.com", /550 5\.1\.1 <gone@example\.com>: Recipient address rejected: User unknown in virtual mailbox table/],
    ["ghost@example.com", /550 5\.1\.1 <ghost@example\.com> User doesn't exist: ghost@example\.com/],
    ["nobody@example.com", /550 5\.1\.1 There is no such mailbox here/],
    ["alice@example.net", /550 5\.7\.1 We do not relay mail to this domain/],
    ["alice%example.net@example.com", /550 5\.7\.1 We do not relay mail to this domain/],
    ["@example.net:alice@example.org", /550 5\.7\.1/],
  ] as const) {
    const { code, stdout } = await run("swaks", ["--server", "127.0.0.1", "--port", port(), "--from", STRANGER, "--to", to]);
    t.is(code, 24, to);
    t.regex(stdout.toString(), words);
    t.regex(stdout.toString(), /-> RCPT TO[^\n]*\n<\*\* 5/);
  }
});

test.serial("inbound: curl sends by STARTTLS", async (t) => {
  const word = someWord();
  const sent = message(word, STRANGER, "one\r\n.two\r\n");
  const options = ["-sS", "--ssl-reqd", "--cacert", ca, "--resolve", `mail.example.com:${port()}:127.0.0.1`, "-T", "-"];
  const mail = ["--mail-from", STRANGER, "--mail-rcpt", ALICE, "--mail-rcpt", ERIN];
  const url = `smtp://mail.example.com:${port()}/curl.example.net`;
  await succeed("curl", [...options, "--interface", "127.0.0.41", ...mail, url], { input: sent });
  const { head, message: got } = await delivered(exchange.mx1, word);
  t.is(got.toString(), sent);
  receivedIn(head, "curl.example.net", "127.0.0.41");
  t.true((await stored(exchange.store, ERIN, word)).includes("\n.two\n"));
});

test.serial("inbound: nodemailer sends an attachment by STARTTLS, and to an address that is not ASCII", async (t) => {
  const word = someWord();
  const transport = createTransport({
    host: "127.0.0.1",
    port: postfixes.port("smtp"),
    name: "nodemailer.example.net",
    requireTLS: true,
    localAddress: "127.0.0.51",
    tls: { ca: authority.cert, servername: "mail.example.com" },
  });
  t.teardown(() => transport.close());
  const bytes = Buffer.from(Array.from({ length: 5000 }, (_, at) => (at * 7) % 256));
  const attachments = [{ filename: "grüße.bin", content: bytes }];
  const info = await transport.sendMail({ from: STRANGER, to: [ALICE, DAEVE], subject: word, text: "ä", attachments });
  t.deepEqual(info.rejected, []);
  const { head, message: got } = await delivered(exchange.mx1, word);
  t.true(got.toString("latin1").replaceAll("\r\n", "").includes(bytes.toString("base64")));
  t.regex(receivedIn(head, "nodemailer.example.net", "127.0.0.51"), /with UTF8SMTPS id/);
});

test.serial("inbound: a sender and a recipient in UTF-8 reach Postfix as they are", async (t) => {
  const word = someWord();
  const sent = Buffer.from(message(word, "jörg@example.org", "grüße\r\n")).toString("latin1");
  await smtplib(DAEVE, sent, { sender: "jörg@example.org", utf8: true, through: postfixes });
  const { head, message: got } = await delivered(exchange.mx1, word);
  t.deepEqual(got, Buffer.from(sent, "latin1"));
  t.regex(head, /^Return-Path: <jörg@example\.org>/m);
  t.regex(head, /^Delivered-To: däve@example\.com/m);
  t.regex(head, /with UTF8SMTPS id\s+\S+\s+for <däve@example\.com>/);
});

test.serial("inbound: smtp-source brings 200 messages over 10 connections", async (t) => {
  const sender = `${someWord()}@example.net`;
  const source = ["-s", "10", "-m", "200", "-l", "3000", "-f", sender, "-t", "carol@example.com", `inet:127.0.0.1:${port()}`];
  await succeed("/usr/sbin/smtp-source", source);
  const ids = (): number => exchange.mx1.log().split(`: from=<${sender}>`).length - 1;
  t.is(ids(), 200);
});

test.serial("inbound: openssl s_client talks STARTTLS and brings a message", async (t) => {
  const word = someWord();
  const sent = message(word, STRANGER);
  const dialogue = ["EHLO openssl.example.net", `MAIL FROM:<${STRANGER}>`, `rcpt TO:<${ALICE}>`, "DATA"];
  const args = ["s_client", "-starttls", "smtp", "-connect", `127.0.0.1:${port()}`, "-CAfile", ca, "-verify_return_error"];
  const hello = ["-name", "first.example.net", "-verify_hostname", "mail.example.com", "-quiet", "-crlf"];
  const input = `${dialogue.join("\n")}\n${sent.replaceAll("\r\n", "\n")}.\nQUIT\n`;
  const said = (await succeed("openssl", [...args, ...hello], { input })).toString();
  t.deepEqual(said.match(/^\d{3} \S+/gm)?.slice(-5), ["250 2.1.0", "250 2.1.5", "354 End", "250 2.0.0", "221 2.0.0"], said);
  const { head } = await delivered(exchange.mx1, word);
  t.regex(receivedIn(head, "openssl.example.net", "127.0.0.1"), /with ESMTPS id/);
});
