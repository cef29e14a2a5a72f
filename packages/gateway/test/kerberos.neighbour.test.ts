// Kerberos tickets at the real program, with a real KDC, and a real Dovecot behind it that knows none of the passwords: curl,
// Cyrus' imtest and pop3test log in with what kinit gave them, the gateway logs in as a master user.

import { join } from "node:path";
import test from "ava";
import { startDovecot, startKdc } from "@postern/testing";
import type { Dovecot, Kdc, KerberosEnvironment } from "@postern/testing";
import { run, Talk } from "./clients.ts";
import type { Outcome } from "./clients.ts";
import { startGateway } from "./gateway-process.ts";
import type { Gateway } from "./gateway-process.ts";
import { ALICE, BOB, FILES, LISTENERS } from "./mailboxes.ts";

const CYRUS = "/usr/lib/cyrus/bin";
const MASTER = "Master-geheim-9";

let kdc: Kdc;
let alice: KerberosEnvironment;
let bob: KerberosEnvironment;
let mailboxes: Dovecot;
let gateway: Gateway;
/** As the other, but for clients that bind to tls-unique, which is what Cyrus' do inside TLS. */
let lenient: Gateway;
let ca: string;

test.before(async () => {
  kdc = await startKdc({ users: { alice: "Alice-geheim-1", bob: "Bob-geheim-2", "host/pc": "Host-geheim-3" } });
  [alice, bob] = await Promise.all([kdc.kinit("alice"), kdc.kinit("bob")]);
  mailboxes = await startDovecot({ users: { [ALICE]: "inner-1", [BOB]: "inner-2" }, masterUsers: { postern: MASTER } });
  const login = { strategy: "master", user: "postern", passwordFile: "master.pass" };
  // The gateway inherits it.
  Object.assign(process.env, kdc.environment);
  const start = (channelBinding: string): Promise<Gateway> =>
    startGateway({
      listeners: LISTENERS,
      backends: {
        mbx1: {
          imap: { url: `imap://127.0.0.1:${mailboxes.imapPort}`, login },
          pop3: { url: `pop3://127.0.0.1:${mailboxes.pop3Port}`, login },
        },
      },
      routes: [{ source: "static", default: "mbx1" }],
      files: { ...FILES, "master.pass": `${MASTER}\n` },
      config: {
        authentication: {
          verifiers: [{ verifier: "kerberos", keytab: kdc.keytab, realms: { "TEST.LOCAL": "example.com" }, channelBinding }],
          actAs: [{ users: BOB, as: ALICE }],
        },
      },
    });
  [gateway, lenient] = await Promise.all([start("check"), start("ignore")]);
  ca = join(gateway.folder, "ca.pem");
});

test.after.always(async () => {
  await gateway?.stop();
  await lenient?.stop();
  await mailboxes?.stop();
  await kdc?.stop();
});

function curl(url: string, user: string, env: KerberosEnvironment, ...more: readonly string[]): Promise<Outcome> {
  return run("curl", ["-sSv", "-4", "--cacert", ca, "--login-options", "AUTH=GSSAPI", "-u", `${user}:`, ...more, url], { env });
}

const CYRUS_PROGRAMS = {
  imtest: { listener: "imap", goodbye: "z LOGOUT" },
  pop3test: { listener: "pop3", goodbye: "QUIT" },
} as const;
type Program = keyof typeof CYRUS_PROGRAMS;

interface CyrusOptions {
  readonly env: KerberosEnvironment;
  readonly tls?: boolean;
  readonly at?: Gateway;
  /** The authzid. */
  readonly as?: string;
}

/** Ends by its goodbye on its input. */
function cyrus(
  program: Program,
  mechanism: string | undefined,
  { env, tls = false, at = gateway, as }: CyrusOptions,
): Promise<Outcome> {
  const { listener, goodbye } = CYRUS_PROGRAMS[program];
  const port = at.port(tls ? `${listener}s` : listener);
  const options = { "-p": String(port), "-m": mechanism, "-u": as };
  const given = Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
  const args = [...(tls ? ["-s"] : []), ...given, "localhost"];
  return run(join(CYRUS, program), args, { input: `${goodbye}\r\n`, env, timeoutMs: 20_000 });
}

test("kerberos: GSSAPI is offered, and nothing that needs a password", async (t) => {
  const talk = await Talk.open({ port: gateway.port("imaps") });
  t.regex(await talk.until(/\r\n/), /LOGINDISABLED AUTH=GSSAPI\]/);
  talk.close();
});

test("kerberos: curl reads alice's mail over IMAP and POP3", async (t) => {
  await mailboxes.deliver(ALICE, "Subject: for alice\n\nby ticket\n");
  const imap = await curl(`imaps://localhost:${gateway.port("imaps")}/INBOX;MAILINDEX=1`, "alice@TEST.LOCAL", alice);
  t.regex(imap.stdout.toString(), /by ticket/, imap.stderr);
  await gateway.logged({ mechanism: "GSSAPI", user: ALICE, backend: /^mbx1/ });
  const pop3 = await curl(`pop3s://localhost:${gateway.port("pop3s")}/1`, "alice@TEST.LOCAL", alice);
  t.regex(pop3.stdout.toString(), /by ticket/, pop3.stderr);
});

test("kerberos: curl upgrades by STARTTLS, and its ticket goes through it", async (t) => {
  const { stdout, stderr } = await curl(
    `imap://localhost:${gateway.port("imap")}/INBOX;MAILINDEX=1`,
    "alice@TEST.LOCAL",
    alice,
    "--ssl-reqd",
  );
  t.regex(stdout.toString(), /by ticket/, stderr);
});

for (const program of ["imtest", "pop3test"] as const) {
  for (const mechanism of ["GSSAPI", undefined]) {
    test(`kerberos: ${program} logs in by ${mechanism ?? "what it chooses"} in clear, and inside TLS where its channel binding is ignored`, async (t) => {
      for (const options of [{ env: alice }, { env: alice, tls: true, at: lenient }]) {
        const { stdout, stderr } = await cyrus(program, mechanism, options);
        t.regex(stdout.toString(), /Authenticated\.[^]*(z OK|\+OK Logging out)/, stdout.toString() + stderr);
      }
    });
  }
}

test("kerberos: a client that is bound to another TLS channel is refused, and the log says what to do", async (t) => {
  const { stdout } = await cyrus("imtest", "GSSAPI", { env: alice, tls: true });
  t.regex(stdout.toString(), /Authentication failed/);
  await gateway.logged({ kind: "wrong-credentials", reason: /another TLS channel.*channelBinding: ignore/ });
});

test("kerberos: bob may act as alice, and alice not as bob", async (t) => {
  const good = await cyrus("imtest", "GSSAPI", { env: bob, as: ALICE });
  t.regex(good.stdout.toString(), /Authenticated\./, good.stdout.toString() + good.stderr);
  const bad = await cyrus("imtest", "GSSAPI", { env: alice, as: BOB });
  t.regex(bad.stdout.toString(), /Authentication failed/);
  await gateway.logged({ kind: "not-authorized", reason: /"alice@example.com" may not act as "bob@example.com"/ });
});

test("kerberos: a host's ticket is nobody's, and is told as a wrong password", async (t) => {
  const host = await kdc.kinit("host/pc");
  const { stdout } = await cyrus("imtest", "GSSAPI", { env: host });
  t.regex(stdout.toString(), /Authentication failed/);
  await gateway.logged({ kind: "wrong-credentials", reason: 'no verifier knows "host/pc@TEST.LOCAL"' });
});

test("kerberos: garbage in place of a ticket is refused, and the connection goes on", async (t) => {
  const talk = await Talk.open({ port: gateway.port("imaps") });
  const token = Buffer.from("601306092a864886f71201020201006e0430020500", "hex").toString("base64");
  t.regex(await talk.ask(`a AUTHENTICATE GSSAPI ${token}\r\n`, /^a .*\r\n/m), /^a (NO|BAD)/m);
  t.regex(await talk.ask("b NOOP\r\n", /^b .*\r\n/m), /^b OK/m);
  talk.close();
});
