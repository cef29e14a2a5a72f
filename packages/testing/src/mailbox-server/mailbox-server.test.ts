import { execFile } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { promisify } from "node:util";
import test from "ava";
import type { ExecutionContext } from "ava";
import { parseTranscript, runTranscript } from "../index.ts";
import { createMailboxServer } from "./index.ts";
import type { MailboxServer } from "./index.ts";

const WELCOME = [
  "From: Postern <postern@example.com>",
  'To: "Alice, A." <alice@example.com>, bob@example.com',
  "Subject: Welcome",
  " aboard",
  "Date: Sun, 22 Nov 2026 08:00:00 +0000",
  "Message-ID: <1@example.com>",
  "",
  "Hello Alice",
  ".a line with a dot",
  "",
].join("\n");

interface Started {
  readonly server: MailboxServer;
  readonly imap: number;
  readonly pop3: number;
}

async function start(t: ExecutionContext): Promise<Started> {
  const server = createMailboxServer({
    name: "mbx1",
    users: {
      alice: { password: 'p w"\\', token: "tok", messages: [WELCOME, "Subject: second\n\ntwo\n"] },
      bob: { password: "b" },
    },
  });
  t.teardown(() => server.close());
  return { server, ...(await server.listen()) };
}

const python = async (script: string, port: number): Promise<string[]> => {
  const { stdout } = await promisify(execFile)("python3", ["-c", script, String(port)], { timeout: 20_000 });
  return stdout.trimEnd().split("\n");
};

const IMAPLIB = (user: string, password: string, commands: string): string => `
import sys, imaplib, datetime
m = imaplib.IMAP4("127.0.0.1", int(sys.argv[1]))
m.login(${JSON.stringify(user)}, ${JSON.stringify(password)})
def show(answer): print(answer)
${commands}
m.logout()
`;

test("mailbox server: Python's imaplib reads, marks and searches mail", async (t) => {
  const { imap } = await start(t);
  const shown = await python(
    IMAPLIB(
      "alice",
      'p w"\\',
      `
show(m.select())
show(m.fetch("1", "(UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)] BODY.PEEK[TEXT]<0.5>)"))
show(m.fetch("1", "(FLAGS)"))
show(m.fetch("1", "(BODY[])")[1][0][1].count(b"\\r\\n"))
show(m.fetch("1:*", "(FLAGS)"))
show(m.search(None, "UNSEEN"))
show(m.search(None, "OR", "SUBJECT", "aboard", "UID", "9:*"))
show(m.uid("SEARCH", "NOT", "SEEN", "SINCE", "1-Jan-2020"))
show(m.store("2", "+FLAGS", "(\\\\Deleted $Junk)"))
show(m.expunge())
show(m.status("INBOX", "(MESSAGES UNSEEN UIDNEXT)"))
show(m.close())
`,
    ),
    imap,
  );
  t.deepEqual(shown, [
    "('OK', [b'2'])",
    `('OK', [(b'1 (UID 1 RFC822.SIZE ${Buffer.byteLength(WELCOME.replaceAll("\n", "\r\n"))} FLAGS () BODY[HEADER.FIELDS (SUBJECT)] {28}', b'Subject: Welcome\\r\\n aboard\\r\\n\\r\\n'), (b' BODY[TEXT]<0> {5}', b'Hello'), b')'])`.replace(
      "{28}",
      "{29}",
    ),
    "('OK', [b'1 (FLAGS ())'])",
    "9",
    "('OK', [b'1 (FLAGS (\\\\Seen))', b'2 (FLAGS ())'])",
    "('OK', [b'2'])",
    "('OK', [b'1 2'])",
    "('OK', [b'2'])",
    "('OK', [b'2 (FLAGS (\\\\Deleted $Junk))'])",
    "('OK', [b'2'])",
    "('OK', [b'\"INBOX\" (MESSAGES 1 UNSEEN 0 UIDNEXT 3)'])",
    "('OK', [b'Closed'])",
  ]);
});

test("mailbox server: Python's imaplib makes folders, appends and copies", async (t) => {
  const { imap } = await start(t);
  const shown = await python(
    IMAPLIB(
      "bob",
      "b",
      `
show(m.create("Sent/2026"))
show(m.append("Sent/2026", "(\\\\Seen)", '"01-Feb-2026 10:00:00 +0100"', b"Subject: x\\r\\n\\r\\nends like a literal {3}"))
show(m.append("Nowhere", None, None, b"x")[0])
show(m.list())
show(m.list('""', "%"))
show(m.list("Sent/", "*")[1])
show(m.select("Sent/2026"))
show(m.fetch("1", "(INTERNALDATE FLAGS BODYSTRUCTURE)"))
show(m.uid("COPY", "1", "INBOX"))
show(m.select("INBOX", readonly=True))
show(m.store("1", "+FLAGS", "x")[0])
show(m.fetch("1", "(ENVELOPE)"))
`,
    ),
    imap,
  );
  t.deepEqual(shown, [
    "('OK', [b'Created'])",
    "('OK', [b'Appended'])",
    "NO",
    `('OK', [b'(\\\\HasNoChildren) "/" "INBOX"', b'(\\\\HasNoChildren) "/" "Sent/2026"'])`,
    `('OK', [b'(\\\\HasNoChildren) "/" "INBOX"'])`,
    `[b'(\\\\HasNoChildren) "/" "Sent/2026"']`,
    "('OK', [b'1'])",
    `('OK', [b'1 (INTERNALDATE "01-Feb-2026 09:00:00 +0000" FLAGS (\\\\Seen) BODYSTRUCTURE ("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 23 0 NIL NIL NIL NIL))'])`,
    "('OK', [None])",
    "('OK', [b'1'])",
    "NO",
    `('OK', [b'1 (ENVELOPE (NIL "x" NIL NIL NIL NIL NIL NIL NIL NIL))'])`,
  ]);
});

const POPLIB = `
import sys, poplib
p = poplib.POP3("127.0.0.1", int(sys.argv[1]))
p.user("alice"); p.pass_('p w"\\\\')
print(p.stat()[0], p.list()[1], p.uidl()[1])
print(p.retr(1)[1][-2:])
print(p.top(1, 1)[1][-2:])
p.dele(1); print(p.stat()[0]); p.rset(); print(p.stat()[0]); p.dele(2); p.quit()
p = poplib.POP3("127.0.0.1", int(sys.argv[1]))
p.user("alice")
try: p.pass_("wrong")
except poplib.error_proto as e: print(e)
p.user("alice"); p.pass_('p w"\\\\')
print(p.stat()[0]); p.quit()
`;

test("mailbox server: Python's poplib reads, dot-unstuffs and deletes mail", async (t) => {
  const { pop3 } = await start(t);
  const size = Buffer.byteLength(WELCOME.replaceAll("\n", "\r\n"));
  t.deepEqual(await python(POPLIB, pop3), [
    `2 [b'1 ${size}', b'2 24'] [b'1 1', b'2 2']`,
    "[b'Hello Alice', b'.a line with a dot']",
    "[b'', b'Hello Alice']",
    "1",
    "2",
    "b'-ERR [AUTH] Authentication failed'",
    "1",
  ]);
});

const play = (port: number, text: string): Promise<void> =>
  runTranscript(parseTranscript(text, "inline"), { connect: async () => port, timeoutMs: 3000 });

const base64 = (text: string): string => Buffer.from(text, "latin1").toString("base64");

test("mailbox server: the envelope tells names, addresses and unfolded subject", async (t) => {
  const { imap } = await start(t);
  const from = '(("Postern" NIL "postern" "example.com"))';
  const to = '(("Alice, A." NIL "alice" "example.com")(NIL NIL "bob" "example.com"))';
  await play(
    imap,
    `S: * OK *
C: a AUTHENTICATE PLAIN ${base64('\0alice\0p w"\\')}
S: a OK *
C: b EXAMINE INBOX
S: * FLAGS *
S: * OK [PERMANENTFLAGS ()] *
S: * 2 EXISTS
S: * 0 RECENT
S: * OK [UNSEEN 1] *
S: * OK [UIDVALIDITY 1] *
S: * OK [UIDNEXT 3] *
S: b OK [READ-ONLY] *
C: c UID FETCH 1 ENVELOPE
S: * 1 FETCH (UID 1 ENVELOPE ("Sun, 22 Nov 2026 08:00:00 +0000" "Welcome aboard" ${from} ${from} ${from} ${to} NIL NIL NIL "<1@example.com>"))
S: c OK *`,
  );
  t.pass();
});

test("mailbox server: IMAP takes literals, non-synchronising ones, and tokens", async (t) => {
  const { imap } = await start(t);
  await play(
    imap,
    `S: * OK [CAPABILITY IMAP4rev1 *
C: a LOGIN {5}
S: + go on
C: alice {4+}
C: p w" {0+}
C:
S: a NO [AUTHENTICATIONFAILED] *
C: b AUTHENTICATE XOAUTH2
S: +${" "}
C: ${base64("user=alice\x01auth=Bearer tok\x01\x01")}
S: b OK *
C: e BOGUS
S: e BAD *
C: f LOGOUT
S: * BYE *
S: f OK *
S: <closed>`,
  );
  t.pass();
});

test("mailbox server: an idling client is told of new mail", async (t) => {
  const { imap, server } = await start(t);
  const socket = connect(imap, "127.0.0.1");
  t.teardown(() => socket.destroy());
  let text = "";
  const until = async (pattern: RegExp): Promise<void> => {
    while (!pattern.test(text)) text += String((await once(socket, "data", { signal: AbortSignal.timeout(5000) }))[0]);
  };
  socket.write("a LOGIN bob b\r\nb SELECT INBOX\r\nc IDLE\r\n");
  await until(/^\+ idling/m);
  server.deliver("bob", "Subject: new\n\nnew\n");
  await until(/^\* 1 EXISTS/m);
  socket.write("DONE\r\n");
  await until(/^c OK/m);
  t.throws(() => server.deliver("nobody", "x"), { message: /no user/ });
});

test("mailbox server: POP3 takes AUTH with and without initial response, and refuses what is not now", async (t) => {
  const { pop3 } = await start(t);
  await play(
    pop3,
    `S: +OK mbx1 *
C: STAT
C: AUTH PLAIN
S: -ERR Not now
S: +${" "}
C: *
S: -ERR *
C: AUTH PLAIN ${base64("\0bob\0b")}
S: +OK *
C: USER bob
C: RETR 1
C: CAPA
S: -ERR Not now
S: -ERR There is no such message
S: +OK *
S: TOP
S: UIDL
S: RESP-CODES
S: PIPELINING
S: USER
S: SASL *
S: .
C: QUIT
S: +OK *
S: <closed>`,
  );
  t.pass();
});

test("mailbox server: a token is no password, and one user is not another", async (t) => {
  const { imap } = await start(t);
  const no = "NO [AUTHENTICATIONFAILED] Authentication failed";
  await play(
    imap,
    `S: *
C: a LOGIN alice tok
S: a ${no}
C: b LOGIN alice b
S: b ${no}
C: c AUTHENTICATE PLAIN ${base64("alice\0bob\0b")}
S: c ${no}
C: d SELECT INBOX
S: d BAD Log in first`,
  );
  t.pass();
});

test("mailbox server: an endless line is cut off", async (t) => {
  const { imap } = await start(t);
  const socket = connect(imap, "127.0.0.1");
  await new Promise<void>((resolve) => {
    socket.on("error", () => {});
    socket.once("close", () => resolve());
    socket.resume().write(Buffer.alloc(1024 * 1024, "a"));
  });
  t.pass();
});
