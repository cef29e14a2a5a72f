// The gateway says yes itself, with what each client uses, and logs in at a real Dovecot as a master user: SCRAM by Cyrus
// SASL's imtest and pop3test, NTLM and client certificates by curl, passwords by imapflow and poplib; and SCRAM passed
// through to the Dovecot that checks it. The users' passwords are known to nobody but the gateway's file.

import { join } from "node:path";
import test from "ava";
import { ImapFlow } from "imapflow";
import { createAuthority, issue } from "@postern/certs";
import { startDovecot, type Dovecot } from "@postern/testing";
import { run, succeed, Talk, type Outcome } from "./clients.ts";
import { POSTERN, startGateway, type Gateway } from "./gateway-process.ts";
import { ALICE, BOB, FILES, LISTENERS, PASSWORDS, WRONG } from "./mailboxes.ts";

const CYRUS = "/usr/lib/cyrus/bin";
const MASTER = "Master-geheim-9";
/** What the Dovecots know: not what people type. */
const INNER = "inner-geheim-8";

const people = createAuthority("People");
const badge = issue(people, { names: [ALICE], client: true });
const strangers = issue(createAuthority("Strangers"), { names: [ALICE], client: true });

let mailboxes: Dovecot;
let checked: Gateway;
let passing: Gateway;
let scramMailboxes: Dovecot;

const leg = ({ imapPort, pop3Port }: Dovecot, login: unknown): Record<string, unknown> => ({
  imap: { url: `imap://127.0.0.1:${imapPort}`, login },
  pop3: { url: `pop3://127.0.0.1:${pop3Port}`, login },
});

/** One line of the password file, as `postern passwd --scram --nt` writes it. */
async function lineOf(user: string): Promise<string> {
  const line = await succeed(POSTERN, ["passwd", "--scheme", "sha512-crypt", "--scram", "--nt", user], {
    input: `${PASSWORDS[user] ?? ""}\n`,
  });
  return line.toString().trim();
}

test.before(async () => {
  const lines = await Promise.all([ALICE, BOB].map(lineOf));
  mailboxes = await startDovecot({ users: { [ALICE]: INNER, [BOB]: INNER }, masterUsers: { postern: MASTER } });
  const master = { strategy: "master", user: "postern", passwordFile: "master.pass" };
  checked = await startGateway({
    listeners: {
      ...LISTENERS,
      badges: { protocol: "imap", tls: "implicit", clientCertificate: "request" },
      badgesPop3: { protocol: "pop3", tls: "implicit", clientCertificate: "request" },
    },
    backends: { mbx1: leg(mailboxes, master) },
    routes: [{ source: "static", default: "mbx1" }],
    files: {
      ...FILES,
      "users.passwd": `${lines.join("\n")}\n`,
      "master.pass": `${MASTER}\n`,
      "people.pem": people.cert,
      "badge.pem": badge.cert + badge.key,
      "strangers.pem": strangers.cert + strangers.key,
    },
    config: {
      tls: { certificates: [{ cert: "server.pem", key: "server.key" }], clientCa: "people.pem" },
      authentication: {
        verifiers: [
          { verifier: "file", path: "users.passwd" },
          { verifier: "certificate", from: "san-email" },
        ],
        actAs: [{ users: ALICE, as: BOB }],
        rights: [{ users: BOB, protocols: ["imap"] }],
      },
    },
  });
  scramMailboxes = await startDovecot({
    users: { [ALICE]: PASSWORDS[ALICE] ?? "" },
    mechanisms: "plain scram-sha-256",
  });
  passing = await startGateway({
    listeners: { imaps: { protocol: "imap", tls: "implicit", mechanisms: ["PLAIN", "SCRAM-SHA-256"] } },
    backends: { mbx1: leg(scramMailboxes, "relay") },
    routes: [{ source: "static", default: "mbx1" }],
    files: FILES,
  });
});

test.after.always(async () => {
  await checked?.stop();
  await passing?.stop();
  await mailboxes?.stop();
  await scramMailboxes?.stop();
});

/** imtest and pop3test: they end by 'L LOGOUT' or QUIT on their input. */
function cyrus(
  program: "imtest" | "pop3test",
  port: number,
  mechanism: string,
  user: string,
  password: string,
  as = user,
): Promise<Outcome> {
  const args = ["-s", "-p", String(port), "-m", mechanism, "-a", user, "-u", as, "-w", password, "127.0.0.1"];
  return run(join(CYRUS, program), args, { input: program === "imtest" ? "z LOGOUT\r\n" : "QUIT\r\n", timeoutMs: 20_000 });
}

for (const mechanism of ["SCRAM-SHA-256", "PLAIN"]) {
  test(`authentication: imtest logs in by ${mechanism}, and not with a wrong password`, async (t) => {
    const good = await cyrus("imtest", checked.port("imaps"), mechanism, ALICE, PASSWORDS[ALICE] ?? "");
    t.regex(good.stdout.toString(), /Authenticated\./, good.stderr);
    const bad = await cyrus("imtest", checked.port("imaps"), mechanism, ALICE, WRONG);
    t.regex(bad.stdout.toString(), /Authentication failed/);
    const unknown = await cyrus("imtest", checked.port("imaps"), mechanism, "nobody@example.com", WRONG);
    t.regex(unknown.stdout.toString(), /Authentication failed/);
  });
}

test("authentication: pop3test logs in by SCRAM-SHA-256", async (t) => {
  const { stdout, stderr } = await cyrus("pop3test", checked.port("pop3s"), "SCRAM-SHA-256", ALICE, PASSWORDS[ALICE] ?? "");
  t.regex(stdout.toString(), /Authenticated\./, stderr);
});

test("authentication: acting as somebody else needs a rule", async (t) => {
  const acting = await cyrus("imtest", checked.port("imaps"), "SCRAM-SHA-256", ALICE, PASSWORDS[ALICE] ?? "", BOB);
  t.regex(acting.stdout.toString(), /Authenticated\./);
  await mailboxes.logged(new RegExp(`Login: user=<${BOB}>`));
  const refused = await cyrus("imtest", checked.port("imaps"), "SCRAM-SHA-256", BOB, PASSWORDS[BOB] ?? "", ALICE);
  t.regex(refused.stdout.toString(), /Authentication failed/);
});

test("authentication: a protocol that the user may not use is refused, although the password is right", async (t) => {
  const { stdout } = await cyrus("pop3test", checked.port("pop3s"), "PLAIN", BOB, PASSWORDS[BOB] ?? "");
  t.regex(stdout.toString(), /Authentication failed/);
  const { stdout: imap } = await cyrus("imtest", checked.port("imaps"), "PLAIN", BOB, PASSWORDS[BOB] ?? "");
  t.regex(imap.toString(), /Authenticated\./);
});

const curl = (url: string, option: string, ...rest: string[]): Promise<Outcome> =>
  run("curl", ["-s", "-S", "--insecure", "--url", url, "--login-options", `AUTH=${option}`, ...rest]);

test("authentication: curl logs in by NTLM over IMAP and POP3, and not with a wrong password", async (t) => {
  for (const [scheme, port] of [
    ["imaps", checked.port("imaps")],
    ["pop3s", checked.port("pop3s")],
  ] as const) {
    const good = await curl(`${scheme}://127.0.0.1:${port}/`, "NTLM", "--user", `${ALICE}:${PASSWORDS[ALICE] ?? ""}`);
    t.is(good.code, 0, good.stderr);
    const bad = await curl(`${scheme}://127.0.0.1:${port}/`, "NTLM", "--user", `${ALICE}:${WRONG}`);
    t.is(bad.code, 67, bad.stderr);
  }
});

test("authentication: curl logs in with a client certificate, and not with one of strangers", async (t) => {
  for (const [scheme, port] of [
    ["imaps", checked.port("badges")],
    ["pop3s", checked.port("badgesPop3")],
  ] as const) {
    const args = ["--user", `${ALICE}:`, "--sasl-ir"];
    const good = await curl(`${scheme}://127.0.0.1:${port}/`, "EXTERNAL", "--cert", join(checked.folder, "badge.pem"), ...args);
    t.is(good.code, 0, good.stderr);
    for (const more of [["--cert", join(checked.folder, "strangers.pem")], []])
      t.not((await curl(`${scheme}://127.0.0.1:${port}/`, "EXTERNAL", ...more, ...args)).code, 0);
  }
});

test("authentication: imapflow reads the mail of the user whom the file knows", async (t) => {
  await mailboxes.deliver(ALICE, "Subject: behind the gate\n\nhello\n");
  const client = new ImapFlow({
    host: "127.0.0.1",
    port: checked.port("imaps"),
    secure: true,
    auth: { user: ALICE, pass: PASSWORDS[ALICE] ?? "" },
    tls: { rejectUnauthorized: false },
    logger: false,
  });
  await client.connect();
  await client.mailboxOpen("INBOX");
  const found = await client.fetchOne("*", { envelope: true });
  t.is(found === false ? "" : found.envelope?.subject, "behind the gate");
  await client.logout();
});

test("authentication: what a listener offers follows from what can be checked", async (t) => {
  const talk = await Talk.open({ port: checked.port("imaps") });
  const greeting = await talk.ask("a CAPABILITY\r\n", /^a OK .*\r\n/m);
  for (const name of ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", "NTLM"]) t.true(greeting.includes(`AUTH=${name}`), name);
  for (const name of ["XOAUTH2", "SCRAM-SHA-1", "GSSAPI", "EXTERNAL", "CRAM-MD5"])
    t.false(greeting.includes(`AUTH=${name}`), name);
  talk.close();
  const badges = await Talk.open({ port: checked.port("badges") });
  t.true((await badges.ask("a CAPABILITY\r\n", /^a OK .*\r\n/m)).includes("AUTH=EXTERNAL"));
  badges.close();
});

test("authentication: SCRAM passes through to the backend that checks it", async (t) => {
  const good = await cyrus("imtest", passing.port("imaps"), "SCRAM-SHA-256", ALICE, PASSWORDS[ALICE] ?? "");
  t.regex(good.stdout.toString(), /Authenticated\./, good.stderr);
  await scramMailboxes.logged(new RegExp(`Login: user=<${ALICE}>, method=SCRAM-SHA-256`));
  const bad = await cyrus("imtest", passing.port("imaps"), "SCRAM-SHA-256", ALICE, WRONG);
  t.regex(bad.stdout.toString(), /Authentication failed/);
});
