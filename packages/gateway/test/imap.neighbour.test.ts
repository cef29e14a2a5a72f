// IMAP through the real program to two real Dovecots, by clients that we did not write: imapflow, Python's imaplib, curl,
// openssl s_client.

import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import test from "ava";
import { ImapFlow } from "imapflow";
import { quoted, run, succeed, Talk } from "./clients.ts";
import { startGateway } from "./gateway-process.ts";
import type { Gateway } from "./gateway-process.ts";
import { ALICE, BOB, CAROL, FILES, LISTENERS, PASSWORDS, plain, ROUTES, startMailboxes, WRONG } from "./mailboxes.ts";
import type { Mailboxes } from "./mailboxes.ts";
import { until } from "./until.ts";

/** Longer than a login may take, and than Dovecot leaves anybody without a word. */
const IDLE_MS = 12_000;
const LOGIN = { timeout: "10s", maxDelay: "5s" };
const STILL_HERE_SECONDS = 5;

let mailboxes: Mailboxes;
let gateway: Gateway;
let ca: string;
/** Opened before all tests, looked at after them: an IDLE that lasts. */
let idle: Talk;
let idleSince: number;

test.before(async () => {
  mailboxes = await startMailboxes({ stillHereSeconds: STILL_HERE_SECONDS });
  gateway = await startGateway({
    listeners: LISTENERS,
    backends: mailboxes.backends,
    routes: ROUTES,
    files: FILES,
    config: { limits: { login: LOGIN } },
  });
  ca = join(gateway.folder, "ca.pem");
  idle = await Talk.open({ port: gateway.port("imaps") });
  await idle.ask(`a AUTHENTICATE PLAIN ${plain(CAROL)}\r\n`, /^a OK .*\r\n/m);
  await idle.ask("b SELECT INBOX\r\nc IDLE\r\n", /^\+ .*\r\n/m);
  idleSince = Date.now();
});

test.after.always(async () => {
  idle?.close();
  await gateway?.stop();
  await mailboxes?.stop();
});

const password = (user: string): string => PASSWORDS[user] ?? "";

function imapflow(user: string, port = gateway.port("imaps"), secure = true): ImapFlow {
  const ssl = { ca: FILES["ca.pem"], servername: "mail.example.com" };
  return new ImapFlow({ host: "127.0.0.1", port, secure, auth: { user, pass: password(user) }, tls: ssl, logger: false });
}

test("imap: alice's mail is on the first server, bob's on the second, each to their own", async (t) => {
  for (const [user, box, other] of [
    [ALICE, mailboxes.mbx1, mailboxes.mbx2],
    [BOB, mailboxes.mbx2, mailboxes.mbx1],
  ] as const) {
    await box.deliver(user, `Subject: for ${user}\n\nhello\n`);
    const client = imapflow(user);
    await client.connect();
    await client.mailboxOpen("INBOX");
    const found = await client.fetchOne("1", { envelope: true });
    t.is(found === false ? "" : found.envelope?.subject, `for ${user}`);
    await client.logout();
    await box.logged(new RegExp(`Login: user=<${user}>`));
    t.notRegex(other.log(), new RegExp(`user=<${user}>`));
  }
});

test("imap: imapflow upgrades by STARTTLS by itself", async (t) => {
  const client = imapflow(BOB, gateway.port("imap"), false);
  await client.connect();
  t.true(client.secureConnection);
  t.true((await client.list()).some(({ path }) => path === "INBOX"));
  await client.logout();
});

test("imap: after login the client is told the backend's capabilities, never the front's", async (t) => {
  const talk = await Talk.open({ port: gateway.port("imaps") });
  const greeting = await talk.until(/\r\n/);
  t.notRegex(greeting, /THREAD|SORT/);
  t.regex(await talk.ask("a CAPABILITY\r\n", /^a OK.*\r\n/m), /AUTH=PLAIN/);
  const yes = await talk.ask(`b LOGIN ${ALICE} ${quoted(password(ALICE))}\r\n`, /^b OK.*\r\n/m);
  t.regex(yes, /CAPABILITY [^\]]*THREAD=REFS/);
  t.notRegex(yes, /AUTH=|STARTTLS/);
  const [, after] = /CAPABILITY ([^\]\r]*)/.exec(yes) ?? [];
  const asked = await talk.ask("c CAPABILITY\r\n", /^c OK.*\r\n/m);
  t.is(/CAPABILITY ([^\r]*)/.exec(asked)?.[1], after);
  talk.close();
});

test("imap: commands that are sent together with LOGIN reach the backend, in order", async (t) => {
  const talk = await Talk.open({ port: gateway.port("imaps") });
  const said = await talk.ask(
    `a LOGIN ${ALICE} ${quoted(password(ALICE))}\r\nb SELECT INBOX\r\nc NOOP\r\nd LOGOUT\r\n`,
    /^d OK.*\r\n/m,
  );
  t.regex(said, /^a OK[^]*^\* \d+ EXISTS[^]*^b OK[^]*^c OK[^]*^\* BYE/m);
  await talk.over();
});

test("imap: a literal, a non-synchronising literal and a quoted password log in alike", async (t) => {
  const user = BOB;
  const bytes = password(user);
  for (const login of [
    [`a LOGIN {${user.length}}\r\n`, `${user} {${bytes.length}}\r\n`, `${bytes}\r\n`],
    [`a LOGIN {${user.length}+}\r\n${user} {${bytes.length}+}\r\n${bytes}\r\n`],
    [`a LOGIN ${user} ${quoted(bytes)}\r\n`],
    ["a AUTHENTICATE PLAIN\r\n", `${plain(user)}\r\n`],
    ["a AUTHENTICATE LOGIN\r\n", `${btoa(user)}\r\n`, `${btoa(bytes)}\r\n`],
  ]) {
    const talk = await Talk.open({ port: gateway.port("imaps") });
    await talk.until(/\r\n/);
    for (const part of login.slice(0, -1)) await talk.ask(part, /^\+ ?.*\r\n/m);
    t.regex(await talk.ask(login.at(-1) ?? "", /^a .*\r\n/m), /a OK /);
    talk.close();
  }
});

test("imap: Python's imaplib logs in over TLS and by STARTTLS, appends and reads", async (t) => {
  const script = `
import imaplib, ssl, sys
imaps, imap, ca, user, password = sys.argv[1:]
tls = ssl.create_default_context(cafile=ca)
for starttls in (False, True):
    m = imaplib.IMAP4("127.0.0.1", int(imap)) if starttls else imaplib.IMAP4_SSL("127.0.0.1", int(imaps), ssl_context=tls)
    if starttls: m.starttls(tls)
    assert m.authenticate("PLAIN", lambda _: ("\\0" + user + "\\0" + password).encode())[0] == "OK"
    m.create("python")
    text = b"Subject: python\\r\\n\\r\\n" + bytes(range(32, 127)) + b"\\r\\n"
    assert m.append("python", None, None, text)[0] == "OK"
    assert m.select("python")[0] == "OK"
    assert m.fetch("*", "(BODY.PEEK[])")[1][0][1] == text
    assert m.logout()[0] == "BYE"
print("done")
`;
  const args = [gateway.port("imaps"), gateway.port("imap"), ca, BOB, password(BOB)].map(String);
  t.is((await succeed("python3", ["-c", script, ...args])).toString(), "done\n");
});

test("imap: curl reads a mailbox over imaps and by STARTTLS", async (t) => {
  await mailboxes.mbx2.deliver(BOB, "Subject: for curl\n\nhello\n");
  for (const url of [`imaps://mail.example.com:${gateway.port("imaps")}`, `imap://mail.example.com:${gateway.port("imap")}`]) {
    const port = new URL(url).port;
    const options = ["-sS", "--ssl-reqd", "--cacert", ca, "--resolve", `mail.example.com:${port}:127.0.0.1`];
    const out = await succeed("curl", [
      ...options,
      "-u",
      `${BOB}:${password(BOB)}`,
      `${url}/INBOX`,
      "-X",
      "STATUS INBOX (MESSAGES)",
    ]);
    t.regex(out.toString(), /\* STATUS INBOX \(MESSAGES \d+\)/);
    const refused = await run("curl", [...options, "-u", `${BOB}:${WRONG}`, `${url}/INBOX`]);
    t.is(refused.code, 67);
  }
});

test("imap: openssl s_client speaks through STARTTLS", async (t) => {
  const out = await succeed(
    "openssl",
    [
      "s_client",
      "-connect",
      `127.0.0.1:${gateway.port("imap")}`,
      "-starttls",
      "imap",
      "-crlf",
      "-quiet",
      "-ign_eof",
      "-CAfile",
      ca,
    ],
    { input: `a AUTHENTICATE PLAIN ${plain(ALICE)}\nb STATUS INBOX (MESSAGES)\nc LOGOUT\n` },
  );
  t.regex(out.toString(), /a OK[^]*\* STATUS INBOX[^]*b OK[^]*\* BYE/);
});

test("imap: a wrong password and an unknown user are told the same, with AUTHENTICATIONFAILED", async (t) => {
  const talk = await Talk.open({ port: gateway.port("imaps") });
  const answers: string[] = [];
  for (const user of [ALICE, "nobody@example.com"])
    answers.push(await talk.ask(`a AUTHENTICATE PLAIN ${plain(user, WRONG)}\r\n`, /^a .*\r\n/m));
  t.regex(answers[0] ?? "", /a NO \[AUTHENTICATIONFAILED\]/);
  t.is(/^a .*/m.exec(answers[0] ?? "")?.[0], /^a .*/m.exec(answers[1] ?? "")?.[0]);
  t.regex(await talk.ask(`b AUTHENTICATE PLAIN ${plain(ALICE)}\r\n`, /^b .*\r\n/m), /b OK/);
  talk.close();
});

test("imap: an IDLE outlasts the time for a login, and is told what the backend says and of mail that arrives", async (t) => {
  await wait(Math.max(0, IDLE_MS - (Date.now() - idleSince)));
  t.false(idle.isOver);
  t.regex(idle.said, /^\* OK Still here\r\n/m);
  const before = idle.said.length;
  await mailboxes.mbx1.deliver(CAROL, "Subject: at last\n\nhello\n");
  await until(
    () => /^\* \d+ EXISTS\r\n/m.test(idle.said.slice(before)) || undefined,
    () => idle.said.slice(-500),
    60_000,
  );
  await idle.ask("DONE\r\nd LOGOUT\r\n", /^d OK.*\r\n/m);
  const line = await gateway.logged({ user: CAROL, message: /^session ended/, protocol: "imap", durationMs: /^\d{5,}$/ });
  t.is(line["ending"], "backend-closed");
});
