// Limits told in each protocol's words; the log and the wire trace, which tell all but secrets.

import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { quoted, Talk } from "./clients.ts";
import { startGateway } from "./gateway-process.ts";
import type { Gateway } from "./gateway-process.ts";
import { ALICE, BOB, CAROL, FILES, LISTENERS, PASSWORDS, plain, ROUTES, secretIn, startMailboxes, WRONG } from "./mailboxes.ts";
import type { Mailboxes } from "./mailboxes.ts";
import { until } from "./until.ts";

let mailboxes: Mailboxes;
let gateway: Gateway;

test.before(async () => {
  mailboxes = await startMailboxes();
  gateway = await startGateway({
    listeners: LISTENERS,
    backends: mailboxes.backends,
    routes: ROUTES,
    files: FILES,
    config: {
      limits: { connections: { perAddress: 3, perUser: 2 }, login: { maxErrors: 3 } },
      log: { trace: { users: [BOB], directory: "traces" } },
    },
  });
});

test.after.always(async () => {
  await gateway?.stop();
  await mailboxes?.stop();
});

async function logIn(user: string, from: string, listener: "imaps" | "pop3s" = "imaps"): Promise<Talk> {
  const talk = await Talk.open({ port: gateway.port(listener), from });
  if (listener === "imaps") await talk.ask(`a AUTHENTICATE PLAIN ${plain(user)}\r\n`, /^a OK.*\r\n/m);
  else await talk.ask(`AUTH PLAIN ${plain(user)}\r\n`, /\+OK.*\r\n\+OK.*\r\n/);
  return talk;
}

test("limits: one connection too many from an address is told so, and closed", async (t) => {
  const from = "127.0.0.31";
  const talks = await Promise.all([1, 2, 3].map(() => Talk.open({ port: gateway.port("imaps"), from })));
  for (const talk of talks) await talk.until(/\r\n/);
  for (const [listener, words] of [
    ["imaps", /^\* BYE \[LIMIT\] Too many connections from your address\r\n$/],
    ["pop3s", /^-ERR (\[[^\]]+\] )?Too many connections from your address\r\n$/],
  ] as const) {
    const refused = await Talk.open({ port: gateway.port(listener), from });
    t.regex(await refused.over(), words);
    const elsewhere = await Talk.open({ port: gateway.port(listener), from: "127.0.0.32" });
    t.regex(await elsewhere.until(/\r\n/), /OK/);
    elsewhere.close();
  }
  talks[0]?.close();
  const next = await until(
    async () => {
      const talk = await Talk.open({ port: gateway.port("imaps"), from });
      return (await talk.until(/\r\n/)).startsWith("* OK") ? talk : undefined;
    },
    () => "the place to be free again",
  );
  for (const talk of [next, ...talks]) talk.close();
});

test("limits: one session too many of a user is told so, in all protocols together, and the client may try again", async (t) => {
  const [first, second] = [await logIn(ALICE, "127.0.0.33"), await logIn(ALICE, "127.0.0.34", "pop3s")];
  const imap = await Talk.open({ port: gateway.port("imaps"), from: "127.0.0.35" });
  t.regex(await imap.ask(`a AUTHENTICATE PLAIN ${plain(ALICE)}\r\n`, /^a .*\r\n/m), /a NO \[LIMIT\]/);
  const pop3 = await Talk.open({ port: gateway.port("pop3s"), from: "127.0.0.36" });
  await pop3.until(/\r\n/);
  t.regex(await pop3.ask(`AUTH PLAIN ${plain(ALICE)}\r\n`, /\r\n/), /^-ERR \[IN-USE\]/);
  (await logIn(CAROL, "127.0.0.35")).close();
  first.close();
  await gateway.logged({ message: /^session ended/, user: ALICE, client: /^127\.0\.0\.33:/ });
  t.regex(await imap.ask(`b AUTHENTICATE PLAIN ${plain(ALICE)}\r\n`, /^b .*\r\n/m), /b OK/);
  for (const talk of [second, imap, pop3]) talk.close();
});

test("limits: one error more than the budget ends the dialogue", async (t) => {
  const imap = await Talk.open({ port: gateway.port("imaps"), from: "127.0.0.37" });
  imap.send("a NONSENSE\r\nb NONSENSE\r\nc NONSENSE\r\ne NONSENSE\r\nd NOOP\r\n");
  const said = await imap.over();
  t.regex(said, /^\* BYE Too many errors\r\n$/m);
  t.notRegex(said, /^d /m);
  const pop3 = await Talk.open({ port: gateway.port("pop3s"), from: "127.0.0.37" });
  pop3.send("NONSENSE\r\nNONSENSE\r\nNONSENSE\r\nNONSENSE\r\nNOOP\r\n");
  t.regex(await pop3.over(), /-ERR Too many errors\r\n$/);
});

test("limits: a line without end is cut", async (t) => {
  const talk = await Talk.open({ port: gateway.port("imaps"), from: "127.0.0.38" });
  await talk.until(/\r\n/);
  talk.send(Buffer.alloc(200_000, "x"));
  t.regex(await talk.over(), /^\* BYE \[TOOBIG\]/);
});

test("log: one line per session tells who, from where, to where, how long, how much and why it ended", async (t) => {
  const talk = await Talk.open({ port: gateway.port("imaps"), from: "127.0.0.41" });
  const client = `127.0.0.41:${talk.socket.localPort}`;
  await talk.ask('i ID ("name" "Test client" "version" "1.2")\r\n', /^i OK.*\r\n/m);
  await talk.ask(`a LOGIN ${CAROL} ${quoted(PASSWORDS[CAROL] ?? "")}\r\n`, /^a OK.*\r\n/m);
  await talk.ask("b LOGOUT\r\n", /^b OK.*\r\n/m);
  const line = await gateway.logged({ message: /^session ended/, client });
  t.like(line, {
    level: "info",
    user: CAROL,
    client,
    protocol: "imap",
    listener: `imap 127.0.0.1:${gateway.port("imaps")}`,
    backend: `mbx1 127.0.0.1:${mailboxes.mbx1.imapPort}`,
    ending: "backend-closed",
    tls: "TLSv1.3",
    attempts: 1,
    software: "Test client 1.2",
  });
  t.regex(String(line["time"]), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  t.regex(String(line["cipher"]), /^TLS_/);
  t.true(Number.isInteger(line["durationMs"]));
  t.is(line["bytesIn"], "b LOGOUT\r\n".length);
  t.true(Number(line["bytesOut"]) > 0);
  t.truthy(line["mechanism"]);
  await mailboxes.mbx1.logged(new RegExp(`Login: user=<${CAROL}>.*session=<${String(line["session"])}>`));
  t.is(
    gateway.log().filter(({ message, session }) => String(message).startsWith("session ended") && session === line["session"])
      .length,
    1,
  );
});

test("log: passwords stay out of it at the debug level, however they were sent", async (t) => {
  const imap = await Talk.open({ port: gateway.port("imaps"), from: "127.0.0.42" });
  const secret = PASSWORDS[CAROL] ?? "";
  const words = ["a LOGIN", CAROL, quoted(WRONG), "\r\nb LOGIN", CAROL, `{${WRONG.length}+}\r\n${WRONG}`, "\r\n"];
  await imap.ask(words.join(" "), /^b NO.*\r\n/m);
  imap.close();
  const pop3 = await Talk.open({ port: gateway.port("pop3s"), from: "127.0.0.42" });
  // The password where a name or a command belongs, as confused clients send it.
  await pop3.ask(`USER ${CAROL}\r\nPASS ${WRONG}\r\nPASS ${secret}\r\n${secret}\r\n`, /(^[+-].*\r\n){5}/m);
  pop3.close();
  await gateway.logged({ message: /^session ended/, client: /^127\.0\.0\.42:/, protocol: "pop3" });
  t.is(secretIn(gateway.written()), undefined);
});

test("trace: a traced user's dialogue is in a file of its own, with both sides and without secrets", async (t) => {
  const imap = await Talk.open({ port: gateway.port("imaps"), from: "127.0.0.43" });
  await imap.ask(`a LOGIN ${BOB} ${quoted(WRONG)}\r\n`, /^a NO.*\r\n/m);
  await imap.ask(`b AUTHENTICATE PLAIN\r\n`, /^\+.*\r\n/m);
  await imap.ask(`${plain(BOB)}\r\n`, /^b OK.*\r\n/m);
  await imap.ask("c SELECT INBOX\r\n", /^c OK.*\r\n/m);
  imap.close();
  const line = await gateway.logged({ message: /^session ended/, client: /^127\.0\.0\.43:/ });
  (await logIn(ALICE, "127.0.0.44")).close();
  await gateway.logged({ message: /^session ended/, client: /^127\.0\.0\.44:/ });
  const folder = join(gateway.folder, "traces");
  const files = await readdir(folder);
  t.deepEqual(files, [`${BOB}-${String(line["session"])}.trace`]);
  const file = join(folder, files[0] ?? "");
  t.is((await stat(file)).mode & 0o077, 0);
  const text = await readFile(file, "utf8");
  for (const said of [
    / S: \* OK/,
    / C: a LOGIN "?bob@example.com"? \*\*\*/,
    / S: a NO/,
    / B: \* OK.*Dovecot/,
    / G: .*\*\*\*/,
    / S: b OK/,
  ])
    t.regex(text, said);
  t.is(secretIn(text), undefined);
  // The relay is not traced.
  t.notRegex(text, /c SELECT/);
});
