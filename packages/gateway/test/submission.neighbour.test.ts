// Submission through the real program to two real Postfixes, one behind TLS, by clients that we did not write: swaks, curl and
// Python's smtplib.

import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { freePorts, startPostfix, type Postfix } from "@postern/testing";
import { run, succeed, Talk } from "./clients.ts";
import { launch, POSTERN, startGateway, type Gateway } from "./gateway-process.ts";
import { ALICE, backendCertificate, BOB, CAROL, FILES, PASSWORDS, plain, WRONG } from "./mailboxes.ts";
import { until } from "./until.ts";

const MASTER = "Master-geheim-9";

let mx1: Postfix;
let mx2: Postfix;
let gateway: Gateway;
let folder: string;
let ca: string;

const password = (user: string): string => PASSWORDS[user] ?? "";
const users = (...names: string[]): Record<string, string> => Object.fromEntries(names.map((name) => [name, password(name)]));

const LISTENERS = {
  submission: { protocol: "submission", tls: "starttls" },
  submissions: { protocol: "submission", tls: "implicit" },
};

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), "postern-submission-"));
  mx1 = await startPostfix({ users: users(ALICE, CAROL), masterUsers: { gate: MASTER } });
  mx2 = await startPostfix({ users: users(BOB), tls: backendCertificate, messageSizeLimit: 40_000_000 });
  gateway = await startGateway({
    listeners: LISTENERS,
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
  await mx1?.stop();
  await mx2?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true });
});

/** Every message for the tests has a word of its own. */
const someWord = (): string => `w${randomBytes(6).toString("hex")}`;

/** The message with this word as Postfix delivered it: behind what it put in front, with CRLF. */
async function delivered(server: Postfix, word: string): Promise<{ readonly head: string; readonly message: Buffer }> {
  const mail = await until(
    async () => (await server.messages()).find((one) => one.includes(word)),
    () => `the message ${word} in ${server.log()}`,
    20_000,
  );
  const start = mail.indexOf("Subject: ");
  const message = Buffer.from(mail.subarray(start).toString("latin1").replaceAll("\n", "\r\n"), "latin1");
  return { head: mail.subarray(0, start).toString(), message };
}

const addresses = (user: string): string =>
  `From: <${user}>\r\nTo: <dave@example.com>\r\nDate: Sun, 22 Nov 2026 12:00:00 +0000\r\n`;

/** What SMTP gets wrong once: dots, long lines, all bytes but CR, LF and NUL, no line end at the end. */
const ODD = [
  (word: string, user: string) =>
    `Subject: ${word}\r\n${addresses(user)}Message-ID: <${word}@x>\r\n\r\n.\r\n..\r\n.hidden\r\n...\r\n\r\n.\r\n`,
  (word: string, user: string) =>
    `Subject: ${word}\r\n${addresses(user)}Message-ID: <${word}@x>\r\n\r\n${Array.from({ length: 224 }, (_, at) => String.fromCharCode(32 + at)).join("")}\r\n`,
  (word: string, user: string) =>
    `Subject: ${word}\r\n${addresses(user)}Message-ID: <${word}@x>\r\n\r\n${"x".repeat(900)}\r\n\r\n\r\n`,
];

const SMTPLIB = `
import smtplib, ssl, sys
port, mode, ca, user, password, file = sys.argv[1:]
tls = ssl.create_default_context(cafile=ca)
if mode == "submissions":
    s = smtplib.SMTP_SSL("127.0.0.1", int(port), local_hostname="app.example.net", context=tls)
else:
    s = smtplib.SMTP("127.0.0.1", int(port), local_hostname="app.example.net")
    s.starttls(context=tls)
try:
    s.login(user, password)
except smtplib.SMTPAuthenticationError as error:
    print(error.smtp_code, error.smtp_error.decode())
    sys.exit(3)
s.sendmail(user, ["dave@example.com"], open(file, "rb").read())
s.quit()
`;

async function smtplib(mode: string, user: string, secret: string, message: Buffer | string, at = gateway) {
  const file = join(folder, someWord());
  await writeFile(file, message, "latin1");
  const args = [at.port(mode), mode, join(at.folder, "ca.pem"), user, secret, file].map(String);
  return run("/usr/bin/python3", ["-c", SMTPLIB, ...args]);
}

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
      for (const make of ODD) {
        const word = someWord();
        const message = make(word, user);
        const { code, stderr } = await smtplib(mode, user, password(user), message);
        t.is(code, 0, stderr);
        const { head, message: got } = await delivered(server(), word);
        t.deepEqual(got, Buffer.from(message, "latin1"));
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
  const file = join(folder, word);
  await writeFile(file, ODD[0]?.(word, ALICE) ?? "");
  const from = "127.0.0.77";
  const script = SMTPLIB.replace(
    'local_hostname="app.example.net", context',
    `local_hostname="app.example.net", source_address=("${from}", 0), context`,
  );
  const args = [gateway.port("submissions"), "submissions", ca, ALICE, password(ALICE), file].map(String);
  await succeed("/usr/bin/python3", ["-c", script, ...args]);
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
    const message = ODD[0]?.(word, CAROL) ?? "";
    const port = gateway.port(mode);
    const url = `${mode === "submissions" ? "smtps" : "smtp"}://mail.example.com:${port}/curl.example.net`;
    const options = ["-sS", "--ssl-reqd", "--cacert", ca, "--resolve", `mail.example.com:${port}:127.0.0.1`, "-T", "-"];
    const mail = ["--mail-from", CAROL, "--mail-rcpt", "dave@example.com", url];
    await succeed("curl", [...options, "-u", `${CAROL}:${password(CAROL)}`, ...mail], { input: message });
    t.deepEqual((await delivered(mx1, word)).message, Buffer.from(message));
    const wrong = await run("curl", [...options, "-u", `${CAROL}:${WRONG}`, ...mail], { input: message });
    t.is(wrong.code, 67);
  }
});

test.serial("submission: a message of 20 MB goes through whole", async (t) => {
  const word = someWord();
  const body = `${randomBytes(10_000_000)
    .toString("hex")
    .replaceAll(/(.{76})/g, "$1\r\n")}\r\n`;
  const message = `Subject: ${word}\r\n${addresses(BOB)}Message-ID: <${word}@x>\r\n\r\n${body}`;
  const { code, stderr } = await smtplib("submissions", BOB, password(BOB), message);
  t.is(code, 0, stderr);
  t.true((await delivered(mx2, word)).message.equals(Buffer.from(message)));
});

test.serial("submission: what is sent together with AUTH reaches the backend, in order", async (t) => {
  const word = someWord();
  const talk = await Talk.open({ port: gateway.port("submissions") });
  await talk.until(/^220 .*\r\n/);
  const message = `Subject: ${word}\r\n${addresses(ALICE)}\r\nhello\r\n`;
  talk.send(
    `EHLO me.example.net\r\nAUTH PLAIN ${plain(ALICE)}\r\nMAIL FROM:<${ALICE}>\r\nRCPT TO:<dave@example.com>\r\nBDAT ${message.length} LAST\r\n${message}QUIT\r\n`,
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

/** A gateway that checks users itself, in front of the same Postfixes. */
async function checking(t: ExecutionContext, login: unknown): Promise<Gateway> {
  const hashed = await succeed("openssl", ["passwd", "-6", "-stdin"], { input: `${password(ALICE)}\n` });
  const own = await startGateway({
    listeners: LISTENERS,
    backends: { mx1: { submission: { url: `smtp://127.0.0.1:${mx1.port}`, login } } },
    routes: [{ source: "static", default: "mx1" }],
    files: { ...FILES, users: `${ALICE}:${hashed.toString().trim()}\n`, "master.pass": `${MASTER}\n` },
    config: { authentication: { verifiers: [{ verifier: "file", path: "users" }] } },
  });
  t.teardown(() => own.stop());
  return own;
}

for (const [name, login, seen] of [
  ["by XCLIENT, without any password", "xclient", /sasl_method=XCLIENT, sasl_username=alice@example\.com/],
  [
    "as a master user",
    { strategy: "master", user: "gate", passwordFile: "master.pass" },
    /sasl_method=PLAIN, sasl_username=alice@example\.com/,
  ],
] as const) {
  test.serial(`submission: a user whom the gateway has checked is logged in ${name}`, async (t) => {
    const own = await checking(t, login);
    const word = someWord();
    const before = mx1.log().length;
    const good = await smtplib("submissions", ALICE, password(ALICE), ODD[0]?.(word, ALICE) ?? "", own);
    t.is(good.code, 0, good.stderr);
    await delivered(mx1, word);
    t.regex(mx1.log().slice(before), seen);
    const bad = await smtplib("submission", ALICE, WRONG, "x", own);
    t.is(bad.code, 3);
    t.regex(bad.stdout.toString(), /^535 5\.7\.8 Authentication failed/);
    t.false(own.written().includes(MASTER));
  });
}

test.serial("submission: flags alone make a working submission gateway", async (t) => {
  const [plainPort = 0, tlsPort = 0] = await freePorts(2);
  const listeners = ["--submission", `127.0.0.1:${plainPort}`, "--submissions", `127.0.0.1:${tlsPort}`];
  const backend = ["--backend", `mx=smtp://127.0.0.1:${mx1.port}`, "--route", "*=mx"];
  const own = launch([POSTERN, "serve", "--self-signed", ...listeners, ...backend]);
  try {
    await own.ready(2);
    t.deepEqual(own.lines(), [`submission 127.0.0.1:${plainPort} (STARTTLS)`, `submission 127.0.0.1:${tlsPort} (TLS)`]);
    const talk = await Talk.open({ port: tlsPort, tls: { rejectUnauthorized: false } });
    await talk.ask("EHLO me.example.net\r\n", /^250 .*\r\n/m);
    t.regex(await talk.ask(`AUTH PLAIN ${plain(ALICE)}\r\n`, /^\d{3} .*\r\n$/m), /^235 /);
    talk.close();
  } finally {
    t.is(await own.stop(), 0);
  }
});
