// Users whom the gateway has checked log in at three real Dovecots, none of which knows their passwords: one with a master
// user, one that believes the gateway's address, one that takes tokens and asks a small OpenID provider about them. By
// imapflow, curl and Python's poplib.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { ImapFlow } from "imapflow";
import { signingKey, signToken, startDovecot, startOpenId, type Dovecot, type OpenIdProvider } from "@postern/testing";
import { run, succeed, Talk } from "./clients.ts";
import { POSTERN, startGateway, type Gateway, type GatewayOptions } from "./gateway-process.ts";
import { ALICE, BOB, CAROL, FILES, LISTENERS, PASSWORDS, plain, WRONG } from "./mailboxes.ts";
import { stopAll, together } from "./together.ts";

const MASTER = "Master-geheim-9";
const SECRET = "Client-geheim-7";
/** The passwords that the backend with the master user has: not what people type. */
const INNER = "Inner-geheim-8";

let folder: string;
let openid: OpenIdProvider;
let master: Dovecot;
let trusting: Dovecot;
let tokens: Dovecot;
let gateway: Gateway;
let options: GatewayOptions;

const trustingPassdb = "passdb {\n  driver = static\n  args = nopassword=y allow_nets=127.0.0.0/8\n}";

/** A passdb that asks the provider about each token (RFC 7662). */
async function tokenPassdb(): Promise<string> {
  const url = openid.introspectionUrl.replace("://", `://gateway:${SECRET}@`);
  const file = join(folder, "dovecot-oauth2.conf.ext");
  const lines = ["introspection_mode = post", `introspection_url = ${url}`, "username_attribute = email"];
  await writeFile(file, `${lines.join("\n")}\nactive_attribute = active\nactive_value = true\n`, { mode: 0o644 });
  return `passdb {\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = ${file}\n}`;
}

const legs = ({ imapPort, pop3Port }: Dovecot, imap: unknown, pop3 = imap): Record<string, unknown> => ({
  imap: { url: `imap://127.0.0.1:${imapPort}`, login: imap },
  pop3: { url: `pop3://127.0.0.1:${pop3Port}`, login: pop3 },
});

async function hashed(user: string): Promise<string> {
  const hash = await succeed("openssl", ["passwd", "-6", "-stdin"], { input: `${PASSWORDS[user] ?? ""}\n` });
  return `${user}:${hash.toString().trim()}`;
}

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), "postern-backend-login-"));
  await run("chmod", ["755", folder]);
  openid = await startOpenId({ clientId: "gateway", clientSecret: SECRET });
  [master, trusting, tokens] = await together(
    startDovecot({ users: { [ALICE]: INNER }, masterUsers: { gate: MASTER } }),
    startDovecot({ users: {}, passdb: trustingPassdb }),
    startDovecot({ users: {}, passdb: await tokenPassdb(), mechanisms: "xoauth2 oauthbearer" }),
  );
  const asMaster = { strategy: "master", user: "gate", passwordFile: "master.pass" };
  const byToken = {
    strategy: "oauth",
    tokenUrl: openid.tokenUrl,
    clientId: "gateway",
    clientSecretFile: "client.pass",
    audience: "dovecot",
  };
  options = {
    listeners: LISTENERS,
    backends: {
      master: legs(master, asMaster, { ...asMaster, form: "separator" }),
      trusting: legs(trusting, "xclient"),
      tokens: legs(tokens, byToken),
    },
    routes: [{ source: "static", users: { [BOB]: "trusting", [CAROL]: "tokens" }, default: "master" }],
    files: {
      ...FILES,
      users: `${(await Promise.all([ALICE, BOB, CAROL].map(hashed))).join("\n")}\n`,
      "master.pass": `${MASTER}\n`,
      "client.pass": `${SECRET}\n`,
    },
    config: {
      authentication: {
        verifiers: [
          { verifier: "file", path: "users" },
          { verifier: "oauth", issuer: openid.issuer, audience: "mail", scope: "mail" },
        ],
      },
    },
  };
  gateway = await startGateway(options);
});

test.after.always(async () => {
  const written = gateway?.written() ?? "";
  await gateway?.stop();
  await stopAll([master, trusting, tokens]);
  await openid?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true });
  const asked = openid.asked.flatMap(({ form }) => [form["token"], form["subject_token"]]);
  for (const secret of [MASTER, SECRET, INNER, ...asked])
    if (secret !== undefined && written.includes(secret)) throw new Error("the gateway wrote a secret");
});

/** The subject of the first message, as imapflow reads it. */
async function subject(auth: { user: string; pass?: string; accessToken?: string }): Promise<string | undefined> {
  const tls = { ca: FILES["ca.pem"], servername: "mail.example.com" };
  const client = new ImapFlow({ host: "127.0.0.1", port: gateway.port("imaps"), secure: true, auth, tls, logger: false });
  await client.connect();
  await client.mailboxOpen("INBOX");
  const found = await client.fetchOne("1", { envelope: true });
  await client.logout();
  return found === false ? undefined : found.envelope?.subject;
}

const POPLIB = `
import poplib, ssl, sys
port, ca, user, password = sys.argv[1:]
client = poplib.POP3_SSL("127.0.0.1", int(port), context=ssl.create_default_context(cafile=ca))
client.user(user)
client.pass_(password)
print(b"\\n".join(client.retr(1)[1]).decode())
client.quit()
`;

const poplib = (user: string, password: string): Promise<Buffer> =>
  succeed("/usr/bin/python3", ["-c", POPLIB, String(gateway.port("pop3s")), join(gateway.folder, "ca.pem"), user, password]);

/** The answer to AUTHENTICATE or LOGIN. */
async function said(command: string, at = gateway): Promise<string> {
  const talk = await Talk.open({ port: at.port("imaps") });
  const answer = await talk.ask(`a ${command}\r\n`, /^a .*\r\n/m);
  talk.close();
  return answer;
}

const bearer = (user: string, token: string): string =>
  Buffer.from(`n,a=${user},\x01auth=Bearer ${token}\x01\x01`).toString("base64");

const xoauth2 = (user: string, token: string): string =>
  Buffer.from(`user=${user}\x01auth=Bearer ${token}\x01\x01`).toString("base64");

const logins = (server: Dovecot): number => server.log().match(/-login: Info: Login:/g)?.length ?? 0;

/** Nobody has logged in at any of the three meanwhile. */
async function nobodyGetsIn(t: ExecutionContext, work: () => Promise<void>): Promise<void> {
  const servers = [master, trusting, tokens];
  const before = servers.map(logins);
  await work();
  // A login that came after all would stand in the log before this one.
  await succeed("/bin/sleep", ["0.2"]);
  t.deepEqual(servers.map(logins), before);
}

for (const [user, server, method] of [
  [ALICE, (): Dovecot => master, "PLAIN"],
  [BOB, (): Dovecot => trusting, "PLAIN"],
  [CAROL, (): Dovecot => tokens, "OAUTHBEARER"],
] as const) {
  test.serial(`backend login: ${user} reads her or his mail with a password that only the gateway knows`, async (t) => {
    const password = PASSWORDS[user] ?? "";
    await server().deliver(user, `Subject: for ${user}\n\nhello\n`);
    t.is(await subject({ user, pass: password }), `for ${user}`);
    await server().logged(new RegExp(`imap-login: Info: Login: user=<${user}>, method=${method}`));
    t.regex((await poplib(user, password)).toString(), new RegExp(`Subject: for ${user}`));
    await server().logged(new RegExp(`pop3-login: Info: Login: user=<${user}>`));
  });

  test.serial(`backend login: a wrong password of ${user} is refused, and the backend never hears of it`, async (t) => {
    await nobodyGetsIn(t, async () => {
      for (const wrong of [WRONG, INNER, MASTER]) {
        t.regex(await said(`AUTHENTICATE PLAIN ${plain(user, wrong)}`), /^a NO \[AUTHENTICATIONFAILED\]/m);
      }
      t.regex(await said(`LOGIN ${user} ""`), /^a (NO|BAD)/m);
      await t.throwsAsync(poplib(user, WRONG));
    });
    t.notRegex(server().log(), /auth failed|unknown user|mismatch/);
  });
}

test.serial("backend login: the master user's own name and password open nothing at the gateway", async (t) => {
  await nobodyGetsIn(t, async () => {
    for (const name of ["gate", `${ALICE}*gate`, `${BOB}*gate`, `gate*${ALICE}`]) {
      t.regex(await said(`AUTHENTICATE PLAIN ${plain(name, MASTER)}`), /^a NO \[AUTHENTICATIONFAILED\]/m, name);
    }
    const asAlice = Buffer.from(`${ALICE}\0gate\0${MASTER}`).toString("base64");
    t.regex(await said(`AUTHENTICATE PLAIN ${asAlice}`), /^a NO/m);
    const asOther = Buffer.from(`${ALICE}\0${BOB}\0${PASSWORDS[BOB] ?? ""}`).toString("base64");
    t.regex(await said(`AUTHENTICATE PLAIN ${asOther}`), /^a NO/m);
  });
});

test.serial("backend login: strategies that open any mailbox are refused where not everybody is checked", async (t) => {
  for (const authentication of [{}, { verifiers: [{ verifier: "file", path: "users" }, { verifier: "backend" }] }]) {
    await gateway.rewrite({ config: { authentication } });
    const { code, stdout, stderr } = await run(POSTERN, ["check", "--config", gateway.config]);
    t.is(code, 1);
    const serve = await run(POSTERN, ["serve", "--config", gateway.config]);
    t.is(serve.code, 1);
    t.regex(serve.stderr, /opens any mailbox/);
    for (const leg of ["master.imap", "master.pop3", "trusting.imap", "tokens.imap"])
      t.regex(stdout.toString() + stderr, new RegExp(`backends\\.${leg}\\.login: \\w+ opens any mailbox`));
  }
  await gateway.rewrite(options);
  await succeed(POSTERN, ["check", "--config", gateway.config]);
});

test.serial("backend login: a client's own token opens her mailbox, by imapflow and by curl", async (t) => {
  const token = openid.token(CAROL);
  t.is(await subject({ user: CAROL, accessToken: token }), `for ${CAROL}`);
  const url = `imaps://mail.example.com:${gateway.port("imaps")}/INBOX;MAILINDEX=1`;
  const resolve = `mail.example.com:${gateway.port("imaps")}:127.0.0.1`;
  const args = [
    "-s",
    "--cacert",
    join(gateway.folder, "ca.pem"),
    "--resolve",
    resolve,
    "--user",
    CAROL,
    "--oauth2-bearer",
    token,
    url,
  ];
  t.regex((await succeed("curl", args)).toString(), new RegExp(`Subject: for ${CAROL}`));
  const exchanges = openid.asked.filter(({ form }) => form["subject_token"] === token);
  t.is(exchanges.length, 1);
  t.is(exchanges[0]?.form["audience"], "dovecot");
  t.false(openid.asked.some(({ path, form }) => path === "/introspect" && form["token"] === token));
});

test.serial("backend login: a token opens the mailboxes behind the other strategies too, each user's own", async (t) => {
  t.is(await subject({ user: ALICE, accessToken: openid.token(ALICE) }), `for ${ALICE}`);
  t.is(await subject({ user: BOB, accessToken: openid.token(BOB) }), `for ${BOB}`);
});

test.serial("backend login: a token that is not good, or somebody else's, is refused with the reason of RFC 7628", async (t) => {
  const bad = [
    openid.token(BOB),
    openid.token(CAROL, { aud: "files" }),
    openid.token(CAROL, { exp: 1 }),
    signToken(signingKey(openid.key.kid), openid.claims(CAROL)),
  ];
  await nobodyGetsIn(t, async () => {
    for (const token of bad) {
      const talk = await Talk.open({ port: gateway.port("imaps") });
      const challenge = await talk.ask(`a AUTHENTICATE OAUTHBEARER ${bearer(CAROL, token)}\r\n`, /^\+ (\S+)\r\n/m);
      const told = Buffer.from(/^\+ (\S+)/m.exec(challenge)?.[1] ?? "", "base64").toString();
      t.like(JSON.parse(told), { status: "invalid_token", scope: "mail" });
      t.regex(await talk.ask("AQ==\r\n", /^a .*\r\n/m), /^a NO \[AUTHENTICATIONFAILED\]/m);
      talk.close();
    }
  });
});

test.serial("backend login: the backend too refuses a token under another name", async (t) => {
  for (const [token, answer] of [
    [openid.token(CAROL), /^a OK/m],
    [openid.token(BOB), /^(a NO|\+)/m],
  ] as const) {
    const talk = await Talk.open({ port: tokens.imapPort, tls: false });
    t.regex(await talk.ask(`a AUTHENTICATE OAUTHBEARER ${bearer(CAROL, token)}\r\n`, /^[a+] .*\r\n/m), answer);
    talk.close();
  }
});

test.serial("backend login: a token is no password, and a password no token", async (t) => {
  await nobodyGetsIn(t, async () => {
    t.regex(await said(`AUTHENTICATE PLAIN ${plain(ALICE, openid.token(ALICE))}`), /^a NO/m);
    const talk = await Talk.open({ port: gateway.port("imaps") });
    // The challenge tells the app to fetch a new token.
    await talk.ask(`a AUTHENTICATE XOAUTH2 ${xoauth2(ALICE, PASSWORDS[ALICE] ?? "")}\r\n`, /^\+ \S+\r\n/m);
    t.regex(await talk.ask("\r\n", /^a .*\r\n/m), /^a NO \[AUTHENTICATIONFAILED\]/m);
    talk.close();
  });
});

test.serial("backend login: a user for whom the provider has no token is refused; while it is down, later", async (t) => {
  const other = await startGateway(options);
  t.teardown(async () => void (await other.stop()));
  const login = (): Promise<string> => said(`AUTHENTICATE PLAIN ${plain(CAROL)}`, other);
  await nobodyGetsIn(t, async () => {
    openid.refused.add(CAROL);
    t.regex(await login(), /^a NO \[AUTHORIZATIONFAILED\]/m);
    openid.refused.delete(CAROL);
    openid.down(true);
    t.regex(await login(), /^a NO \[UNAVAILABLE\]/m);
    openid.down(false);
  });
  t.regex(await login(), /^a OK/m);
});

test.serial("backend login: a new master password in the file is used without a reload", async (t) => {
  const other = await startGateway({ ...options, files: { ...options.files, "master.pass": "Wrong-master-5\n" } });
  t.teardown(async () => void (await other.stop()));
  const login = (): Promise<string> => said(`AUTHENTICATE PLAIN ${plain(ALICE)}`, other);
  t.regex(await login(), /^a NO/m);
  await writeFile(join(other.folder, "master.pass"), `${MASTER}\n`);
  t.regex(await login(), /^a OK/m);
});
