// Submission through the real program to two real Postfixes, one behind TLS, by clients that we did not write: swaks, curl and
// Python's smtplib.

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import test from "ava";
import { startPostfix, type Postfix } from "@postern/testing";
import { run, succeed, Talk } from "./clients.ts";
import { startGateway, type Gateway } from "./gateway-process.ts";
import { ALICE, backendCertificate, BOB, CAROL, FILES, plain, WRONG } from "./mailboxes.ts";
import { delivered, message, password, smtplib, someWord, SUBMISSION, users } from "./submitters.ts";
import { stopAll, together } from "./together.ts";
import { until } from "./until.ts";

let mx1: Postfix;
let mx2: Postfix;
let gateway: Gateway;
let ca: string;

test.before(async () => {
  [mx1, mx2] = await together(
    startPostfix({ users: users(ALICE, CAROL) }),
    startPostfix({ users: users(BOB), tls: backendCertificate, messageSizeLimit: 40_000_000 }),
  );
  gateway = await startGateway({
    listeners: SUBMISSION,
    backends: {
      mx1: { submission: `smtp://127.0.0.1:${mx1.port}` },
      mx2: {
        submission: {
          url: `smtp+starttls://127.0.0.1:${mx2.port}`,
          tls: { ca: "ca.pem", serverName: "mbx.example.net" },
        },
      },
    },
    routes: [{ source: "static", users: { [BOB]: "mx2" }, default: "mx1" }],
    files: FILES,
    config: { health: { interval: "1s", timeout: "1s" } },
  });
  ca = join(gateway.folder, "ca.pem");
});

test.after.always(async () => {
  await gateway?.stop();
  await stopAll([mx1, mx2]);
});

/** What SMTP gets wrong once: dots, long lines, all bytes but CR, LF and NUL, empty lines at the end. */
const ODD = [
  ".\r\n..\r\n.hidden\r\n...\r\n\r\n.\r\n",
  `${Array.from({ length: 224 }, (_, at) => String.fromCharCode(32 + at)).join("")}\r\n`,
  `${"x".repeat(900)}\r\n\r\n\r\n`,
];

/** By swaks: STARTTLS or implicit TLS, one mechanism. */
function swaks(mode: string, mechanism: string, user: string, secret: string, word: string) {
  const tls = mode === "submission" ? "--tls" : "--tls-on-connect";
  const server = ["--server", "127.0.0.1", "--port", String(gateway.port(mode)), tls, "--tls-verify", "--tls-ca-path", ca];
  const login = ["--auth", mechanism, "--auth-user", user, "--auth-password", secret];
  const mail = ["--helo", "swaks.example.net", "--from", user, "--to", "dave@example.com", "--header", `Subject: ${word}`];
  return run("swaks", [...server, ...login, ...mail]);
}

for (const mode of ["submission", "submissions"]) {
  for (const [user, server] of [
    [ALICE, () => mx1],
    [BOB, () => mx2],
  ] as const) {
    test.serial(`submission: smtplib's odd messages of ${user} arrive byte for byte (${mode})`, async (t) => {
      for (const body of ODD) {
        const word = someWord();
        const sent = message(word, user, body);
        const { code, stderr } = await smtplib(gateway, mode, user, password(user), sent);
        t.is(code, 0, stderr);
        const { head, message: got } = await delivered(server(), word);
        t.deepEqual(got, Buffer.from(sent, "latin1"));
        t.regex(head, /^Received: from app\.example\.net \(/m);
      }
    });
  }

  for (const mechanism of ["PLAIN", "LOGIN"]) {
    test.serial(`submission: swaks logs in by ${mechanism} (${mode}), and a wrong password is 535`, async (t) => {
      const word = someWord();
      const good = await swaks(mode, mechanism, BOB, password(BOB), word);
      t.is(good.code, 0, good.stdout.toString());
      await delivered(mx2, word);
      const bad = await swaks(mode, mechanism, BOB, WRONG, word);
      t.not(bad.code, 0);
      t.regex(bad.stdout.toString(), /535 5\.7\.8 Authentication failed/);
    });
  }
}

test.serial("submission: Postfix knows the true client and its name", async (t) => {
  const word = someWord();
  const from = "127.0.0.77";
  const { code, stderr } = await smtplib(gateway, "submissions", ALICE, password(ALICE), message(word, ALICE), from);
  t.is(code, 0, stderr);
  const { head } = await delivered(mx1, word);
  t.regex(
    head,
    /^Received: from app\.example\.net \(unknown \[127\.0\.0\.77\]\)\n\s+.*\n?.*by mx\.example\.net \(Postfix\) with ESMTPA/m,
  );
  await mx1.logged(/client=unknown\[127\.0\.0\.77\], sasl_method=PLAIN, sasl_username=alice@example\.com/);
});

test.serial("submission: curl sends by smtps:// and by STARTTLS", async (t) => {
  for (const mode of ["submissions", "submission"]) {
    const word = someWord();
    const sent = message(word, CAROL, ODD[0]);
    const port = gateway.port(mode);
    const url = `${mode === "submissions" ? "smtps" : "smtp"}://mail.example.com:${port}/curl.example.net`;
    const options = ["-sS", "--ssl-reqd", "--cacert", ca, "--resolve", `mail.example.com:${port}:127.0.0.1`, "-T", "-"];
    const mail = ["--mail-from", CAROL, "--mail-rcpt", "dave@example.com", url];
    await succeed("curl", [...options, "-u", `${CAROL}:${password(CAROL)}`, ...mail], { input: sent });
    t.deepEqual((await delivered(mx1, word)).message, Buffer.from(sent));
    const wrong = await run("curl", [...options, "-u", `${CAROL}:${WRONG}`, ...mail], { input: sent });
    t.is(wrong.code, 67);
  }
});

test.serial("submission: a message of 20 MB goes through whole", async (t) => {
  const word = someWord();
  const body = `${randomBytes(10_000_000)
    .toString("hex")
    .replaceAll(/(.{76})/g, "$1\r\n")}\r\n`;
  const sent = message(word, BOB, body);
  const { code, stderr } = await smtplib(gateway, "submissions", BOB, password(BOB), sent);
  t.is(code, 0, stderr);
  t.true((await delivered(mx2, word)).message.equals(Buffer.from(sent)));
});

test.serial("submission: what is sent together with AUTH reaches the backend, in order", async (t) => {
  const word = someWord();
  const talk = await Talk.open({ port: gateway.port("submissions") });
  await talk.until(/^220 .*\r\n/);
  const sent = message(word, ALICE);
  talk.send(
    `EHLO me.example.net\r\nAUTH PLAIN ${plain(ALICE)}\r\nMAIL FROM:<${ALICE}>\r\nRCPT TO:<dave@example.com>\r\nBDAT ${sent.length} LAST\r\n${sent}QUIT\r\n`,
  );
  const said = await talk.over();
  t.deepEqual(said.match(/^\d{3} \S+/gm)?.slice(1), ["235 2.7.0", "250 2.1.0", "250 2.1.5", "250 2.0.0", "221 2.0.0"], said);
  await delivered(mx1, word);
});

test.serial("submission: before login no message is taken, and afterwards EHLO lists what the backend has", async (t) => {
  const talk = await Talk.open({ port: gateway.port("submissions") });
  await talk.until(/^220 .*\r\n/);
  const before = await talk.ask("EHLO me.example.net\r\n", /^250 .*\r\n/m);
  t.regex(before, /^250-AUTH PLAIN LOGIN XOAUTH2 OAUTHBEARER\r\n/m);
  t.regex(await talk.ask(`MAIL FROM:<${ALICE}>\r\n`, /\r\n/), /^530 5\.7\.0 /);
  const token = Buffer.from(`user=${ALICE}\x01auth=Bearer token\x01\x01`).toString("base64");
  t.regex(await talk.ask(`AUTH XOAUTH2 ${token}\r\n`, /\r\n/), /^504 5\.7\.4 /);
  t.regex(await talk.ask(`AUTH PLAIN ${plain(ALICE)}\r\n`, /\r\n/), /^235 2\.7\.0 /);
  t.regex(await talk.ask("EHLO me.example.net\r\n", /^250 .*\r\n/m), /^250[ -]CHUNKING\r\n/m);
  talk.close();
  await gateway.logged({ message: /session ended/, protocol: "submission", user: ALICE });
});

/** The reply to EHLO before login, once the backends were asked. */
function extensions(): Promise<string> {
  const ask = async (): Promise<string | undefined> => {
    const talk = await Talk.open({ port: gateway.port("submissions") });
    const said = await talk.ask("EHLO me.example.net\r\n", /^250 .*\r\n/m);
    talk.close();
    return said.includes("PIPELINING") ? said : undefined;
  };
  return until(ask, () => "PIPELINING");
}

test.serial("submission: before login EHLO lists what both backends have, with the smaller size", async (t) => {
  t.deepEqual((await extensions()).split("\r\n").slice(1, -1), [
    "250-mail.example.com",
    "250-PIPELINING",
    "250-SIZE 40000000",
    "250-8BITMIME",
    "250-SMTPUTF8",
    "250-DSN",
    "250-CHUNKING",
    "250-ENHANCEDSTATUSCODES",
    "250-AUTH PLAIN LOGIN XOAUTH2 OAUTHBEARER",
    "250 XCLIENT TTL",
  ]);
});

test.serial("submission: a client that asks EHLO once, before login, sends to an address in UTF-8", async (t) => {
  await extensions();
  const word = someWord();
  const script = `
import smtplib, ssl, sys
from email.message import EmailMessage
port, ca, user, password, word = sys.argv[1:]
s = smtplib.SMTP_SSL("127.0.0.1", int(port), local_hostname="app.example.net", context=ssl.create_default_context(cafile=ca))
s.login(user, password)
m = EmailMessage()
m["Subject"], m["From"], m["To"] = word, user, "d\u00e4ve@example.com"
m.set_content("gr\u00fc\u00dfe")
s.send_message(m)
s.quit()
`;
  const args = [gateway.port("submissions"), ca, BOB, password(BOB), word].map(String);
  await succeed("/usr/bin/python3", ["-c", script, ...args]);
  t.regex((await delivered(mx2, word)).head, /with UTF8SMTPSA/);
});
