// An auth_http server as people have it for nginx mail, unchanged, as the route source in front of two real Dovecots: over
// several URLs, with its own words, waits and rewritten logins.

import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingHttpHeaders, Server } from "node:http";
import type { AddressInfo } from "node:net";
import test from "ava";
import { freePorts } from "@postern/testing";
import { Talk } from "./clients.ts";
import { startGateway } from "./gateway-process.ts";
import type { Gateway } from "./gateway-process.ts";
import { ALICE, BOB, FILES, LISTENERS, PASSWORDS, plain, startMailboxes, WRONG } from "./mailboxes.ts";
import type { Mailboxes } from "./mailboxes.ts";

/** A user whom only the server knows: mapped to bob, with another password. */
const MAPPED = "robert";

let mailboxes: Mailboxes;
let server: Server;
let gateway: Gateway;
const asked: IncomingHttpHeaders[] = [];

const decoded = (value: unknown): string => decodeURIComponent(String(value));

/** What such a server does: looks at the password, names an address. */
function answer(head: IncomingHttpHeaders): Record<string, string> {
  const user = decoded(head["auth-user"]);
  const secret = decoded(head["auth-pass"]);
  const pop3 = head["auth-protocol"] === "pop3";
  const at = ({ imapPort, pop3Port }: Mailboxes["mbx1"]): Record<string, string> => ({
    "Auth-Status": "OK",
    "Auth-Server": "127.0.0.1",
    "Auth-Port": String(pop3 ? pop3Port : imapPort),
  });
  if (user === MAPPED && secret === "mapped")
    return { ...at(mailboxes.mbx2), "Auth-User": BOB, "Auth-Pass": PASSWORDS[BOB] ?? "" };
  if (user === "locked") return { "Auth-Status": "Your account is locked\r\na OK let me in" };
  if (secret !== PASSWORDS[user]) return { "Auth-Status": "Invalid login or password", "Auth-Wait": "1" };
  return at(user === ALICE ? mailboxes.mbx1 : mailboxes.mbx2);
}

test.before(async () => {
  mailboxes = await startMailboxes();
  server = createServer((request, response) => {
    asked.push(request.headers);
    // Node refuses line ends in a header, so what is not one header is left at its first line.
    for (const [name, value] of Object.entries(answer(request.headers))) response.setHeader(name, value.replace(/\r\n.*/s, ""));
    response.end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const [dead = 0] = await freePorts(1);
  const url = [`http://127.0.0.1:${dead}/auth`, `http://127.0.0.1:${(server.address() as AddressInfo).port}/auth`];
  gateway = await startGateway({
    listeners: LISTENERS,
    backends: mailboxes.backends,
    routes: [{ source: "http", dialect: "nginx", url, headers: { "X-Auth-Key": "k1" } }],
    files: FILES,
  });
});

test.after.always(async () => {
  await gateway?.stop();
  server?.closeAllConnections();
  server?.close();
  await mailboxes?.stop();
});

test("nginx auth_http: sends each user to the address that the server names, over IMAP and POP3", async (t) => {
  for (const [user, box] of [
    [ALICE, mailboxes.mbx1],
    [BOB, mailboxes.mbx2],
  ] as const) {
    const imap = await Talk.open({ port: gateway.port("imaps") });
    t.regex(await imap.ask(`a AUTHENTICATE PLAIN ${plain(user)}\r\n`, /^a .*\r\n/m), /a OK/);
    imap.close();
    const pop3 = await Talk.open({ port: gateway.port("pop3s") });
    await pop3.until(/\r\n/);
    t.regex(await pop3.ask(`AUTH PLAIN ${plain(user)}\r\n`, /\r\n/), /^\+OK/);
    pop3.close();
    await box.logged(new RegExp(`imap-login: Info: Login: user=<${user}>`));
    await box.logged(new RegExp(`pop3-login: Info: Login: user=<${user}>`));
  }
});

test("nginx auth_http: the server is asked as nginx asks it", async (t) => {
  asked.length = 0;
  const talk = await Talk.open({ port: gateway.port("imap"), from: "127.0.0.5", tls: false });
  await talk.ask("s STARTTLS\r\n", /^s OK.*\r\n/m);
  const secure = await talk.startTls();
  await secure.ask(`a LOGIN ${BOB} {${WRONG.length}+}\r\n${WRONG}\r\n`, /^a NO.*\r\n/m);
  await secure.ask(`b AUTHENTICATE PLAIN ${plain(BOB)}\r\n`, /^b OK.*\r\n/m);
  secure.close();
  t.is(asked.length, 2);
  const common = {
    "auth-method": "plain",
    "auth-user": BOB,
    "auth-protocol": "imap",
    "client-ip": "127.0.0.5",
    "x-auth-key": "k1",
  };
  t.like(asked[0], {
    ...common,
    "auth-ssl": "on",
    "auth-ssl-protocol": "TLSv1.3",
    "auth-login-attempt": "1",
    "auth-pass": WRONG,
  });
  t.like(asked[1], { ...common, "auth-login-attempt": "2", "auth-pass": PASSWORDS[BOB]?.replaceAll(" ", "%20") });
});

test("nginx auth_http: logs in at the backend under the name and password that the server gives", async (t) => {
  const talk = await Talk.open({ port: gateway.port("imaps") });
  t.regex(await talk.ask(`a LOGIN ${MAPPED} mapped\r\n`, /^a .*\r\n/m), /a OK/);
  talk.close();
  const line = await gateway.logged({ message: /^session ended/, user: `${MAPPED}@example.com` });
  t.regex(String(line["backend"]), new RegExp(`:${mailboxes.mbx2.imapPort}$`));
});

test("nginx auth_http: the server's own words reach the client", async (t) => {
  const imap = await Talk.open({ port: gateway.port("imaps") });
  t.regex(await imap.ask("a LOGIN locked secret\r\n", /^a .*\r\n/m), /a NO .*Your account is locked\r\n/);
  imap.close();
  const pop3 = await Talk.open({ port: gateway.port("pop3s") });
  await pop3.ask("USER locked\r\n", /\+OK.*\r\n\+OK.*\r\n/);
  t.regex(await pop3.ask("PASS secret\r\n", /\r\n/), /^-ERR .*Your account is locked\r\n/);
  pop3.close();
});

test("nginx auth_http: a wrong password is a no, whatever the backend would say", async (t) => {
  const before = mailboxes.mbx1.log();
  const talk = await Talk.open({ port: gateway.port("imaps") });
  t.regex(await talk.ask(`a AUTHENTICATE PLAIN ${plain(ALICE, WRONG)}\r\n`, /^a .*\r\n/m), /a NO/);
  talk.close();
  await gateway.logged({ message: "login failed", user: ALICE });
  t.notRegex(mailboxes.mbx1.log().slice(before.length), /auth failed/);
});
