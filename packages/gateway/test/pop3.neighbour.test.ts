// POP3 through the real program to two real Dovecots, by clients that we did not write: Python's poplib, curl, fetchmail.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { run, succeed, Talk } from "./clients.ts";
import { startGateway } from "./gateway-process.ts";
import type { Gateway } from "./gateway-process.ts";
import { ALICE, BOB, CAROL, FILES, LISTENERS, PASSWORDS, plain, ROUTES, startMailboxes, WRONG } from "./mailboxes.ts";
import type { Mailboxes } from "./mailboxes.ts";

let mailboxes: Mailboxes;
let gateway: Gateway;
let ca: string;

/** What every POP3 server and client gets wrong once: dots, long lines, all bytes, no line end at the end. */
const ODD = [
  "Subject: dots\r\n\r\n.\r\n..\r\n.hidden\r\n...\r\n\r\n.\r\n",
  `Subject: bytes\r\n\r\n${Array.from({ length: 224 }, (_, at) => String.fromCharCode(32 + at)).join("")}\r\n`,
  `Subject: long\r\n\r\n${"x".repeat(70_000)}\r\n`,
  "Subject: only a head\r\n\r\n",
];

test.before(async () => {
  mailboxes = await startMailboxes();
  gateway = await startGateway({ listeners: LISTENERS, backends: mailboxes.backends, routes: ROUTES, files: FILES });
  ca = join(gateway.folder, "ca.pem");
});

test.after.always(async () => {
  await gateway?.stop();
  await mailboxes?.stop();
});

const password = (user: string): string => PASSWORDS[user] ?? "";

test("pop3: poplib reads odd messages byte for byte, over TLS and after STLS", async (t) => {
  for (const text of ODD) await mailboxes.mbx2.deliver(BOB, text);
  const script = `
import base64, json, poplib, ssl, sys
pop3s, pop3, ca, user, password = sys.argv[1:]
tls = ssl.create_default_context(cafile=ca)
poplib._MAXLINE = 100000
for stls in (False, True):
    p = poplib.POP3("127.0.0.1", int(pop3)) if stls else poplib.POP3_SSL("127.0.0.1", int(pop3s), context=tls)
    if stls: p.stls(tls)
    assert "USER" in p.capa(), p.capa()
    p.user(user); p.pass_(password)
    count = p.stat()[0]
    print(json.dumps(sorted(base64.b64encode(b"".join(l + b"\\r\\n" for l in p.retr(n + 1)[1])).decode() for n in range(count))))
    p.quit()
`;
  const args = [gateway.port("pop3s"), gateway.port("pop3"), ca, BOB, password(BOB)].map(String);
  const out = await succeed("python3", ["-c", script, ...args]);
  const wanted = ODD.map((text) => Buffer.from(text).toString("base64")).toSorted();
  const got = out
    .toString()
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as string[]);
  t.is(got.length, 2);
  for (const messages of got) t.deepEqual(messages.toSorted(), wanted);
});

test("pop3: USER and PASS, and AUTH PLAIN with and without an initial response, log in alike", async (t) => {
  for (const login of [
    [`USER ${BOB}\r\n`, `PASS ${password(BOB)}\r\n`],
    [`AUTH PLAIN ${plain(BOB)}\r\n`],
    ["AUTH PLAIN\r\n", `${plain(BOB)}\r\n`],
    ["AUTH LOGIN\r\n", `${btoa(BOB)}\r\n`, `${btoa(password(BOB))}\r\n`],
  ]) {
    const talk = await Talk.open({ port: gateway.port("pop3s") });
    await talk.until(/^\+OK.*\r\n/);
    for (const part of login) await talk.ask(part, /^\+.*\r\n/);
    t.regex(await talk.ask("STAT\r\n", /^\+OK.*\r\n/), /\+OK \d+ \d+/);
    t.regex(await talk.ask("QUIT\r\n", /\r\n/), /\+OK/);
    await talk.over();
  }
});

test("pop3: commands that are sent together with the login reach the backend, in order", async (t) => {
  await mailboxes.mbx1.deliver(ALICE, "Subject: one\n\nhello\n");
  const talk = await Talk.open({ port: gateway.port("pop3s") });
  talk.send(`CAPA\r\nUSER ${ALICE}\r\nPASS ${password(ALICE)}\r\nSTAT\r\nUIDL\r\nRETR 1\r\nQUIT\r\n`);
  await talk.over();
  const [greeting, capa, ...rest] = talk.said.split(/^(?=[+-])/m);
  t.regex(greeting ?? "", /^\+OK/);
  t.regex(capa ?? "", /^PIPELINING\r\n[^]*^\.\r\n/m);
  t.notRegex(capa ?? "", /APOP/);
  t.is(rest.length, 6);
  t.regex(rest[2] ?? "", /^\+OK 1 \d+\r\n/);
  t.regex(rest[4] ?? "", /Subject: one/);
  t.true(rest.every((answer) => answer.startsWith("+OK")));
});

test("pop3: a wrong password and an unknown user are told the same, and the client may try again", async (t) => {
  const talk = await Talk.open({ port: gateway.port("pop3s") });
  await talk.until(/^\+OK.*\r\n/);
  const answers: string[] = [];
  for (const user of [ALICE, "nobody@example.com"]) {
    t.regex(await talk.ask(`USER ${user}\r\n`, /\r\n/), /^\+OK/);
    answers.push(await talk.ask(`PASS ${WRONG}\r\n`, /\r\n/));
  }
  t.regex(answers[0] ?? "", /^-ERR \[AUTH\] /);
  t.is(answers[0], answers[1]);
  t.regex(await talk.ask(`AUTH PLAIN ${plain(ALICE)}\r\n`, /\r\n/), /^\+OK/);
  talk.close();
});

test("pop3: curl lists and reads over pop3s and by STLS", async (t) => {
  await mailboxes.mbx1.deliver(CAROL, "Subject: for curl\n\nhello\n");
  for (const listener of ["pop3s", "pop3"]) {
    const port = gateway.port(listener);
    const options = ["-sS", "--ssl-reqd", "--cacert", ca, "--resolve", `mail.example.com:${port}:127.0.0.1`];
    const url = `${listener}://mail.example.com:${port}/`;
    const list = await succeed("curl", [...options, "-u", `${CAROL}:${password(CAROL)}`, url]);
    t.regex(list.toString(), /^1 \d+\r\n$/);
    const mail = await succeed("curl", [...options, "-u", `${CAROL}:${password(CAROL)}`, `${url}1`]);
    t.is(mail.toString(), "Subject: for curl\r\n\r\nhello\r\n");
    t.is((await run("curl", [...options, "-u", `${CAROL}:${WRONG}`, url])).code, 67);
  }
});

test("pop3: fetchmail takes all mail away, once", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "fetchmail-"));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  for (const number of [1, 2, 3]) await mailboxes.mbx1.deliver(CAROL, `Subject: fetch ${number}\n\n.hello\n`);
  const config = `poll localhost protocol pop3 port ${gateway.port("pop3s")} auth password
user "${CAROL}" password "${password(CAROL)}" ssl sslcertck sslcertfile "${ca}" fetchall mda "cat >> ${folder}/mbox"\n`;
  await writeFile(join(folder, "rc"), config, { mode: 0o600 });
  const args = ["-f", join(folder, "rc"), "--nosyslog", "--pidfile", join(folder, "pid"), "-i", join(folder, "ids")];
  const env = { HOME: folder, FETCHMAILHOME: folder };
  await succeed("fetchmail", args, { env });
  const mbox = await readFile(join(folder, "mbox"), "utf8");
  t.deepEqual(mbox.match(/^Subject: fetch \d/gm), ["Subject: fetch 1", "Subject: fetch 2", "Subject: fetch 3"]);
  t.is(mbox.match(/^\.hello$/gm)?.length, 3);
  // Code 1: there was nothing to fetch.
  t.is((await run("fetchmail", args, { env })).code, 1);
});
