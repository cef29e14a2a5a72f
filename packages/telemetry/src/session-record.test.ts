import { readFileSync } from "node:fs";
import test from "ava";
import { Failure } from "@postern/contracts";
import { textLine } from "./line.ts";
import { cleanFields } from "./redact.ts";
import { SESSION_FIELDS, sessionRecord, writeSession, type SessionEnd } from "./session-record.ts";
import { memoryLogger, someSession, STILL } from "./test/helpers.ts";

const CLOSED: SessionEnd = { ending: "client-closed", failure: undefined, reason: undefined, at: STILL.now() };

test("session record: tells a whole session in the order of its table", (t) => {
  const record = sessionRecord(someSession(), CLOSED);
  t.deepEqual(Object.entries(record), [
    ["session", "Jf81nW0a"],
    ["user", "alice@example.com"],
    ["client", "192.0.2.7:50123"],
    ["protocol", "imap"],
    ["listener", "imap 0.0.0.0:993"],
    ["backend", "mbx1 10.0.0.11:143"],
    ["durationMs", 754_321],
    ["bytesIn", 1234],
    ["bytesOut", 3_565_158],
    ["ending", "client-closed"],
    ["tls", "TLSv1.3"],
    ["cipher", "TLS_AES_256_GCM_SHA384"],
    ["mechanism", "PLAIN"],
    ["attempts", 1],
    ["software", "Thunderbird 140.5.0"],
  ]);
});

test("session record: a connection that said nothing has only what is known", (t) => {
  const session = someSession({
    stage: "tls",
    tls: undefined,
    mechanism: undefined,
    identity: undefined,
    software: undefined,
    backend: undefined,
    backendAddress: undefined,
    peer: { host: "10.0.0.1", port: 40_000 },
    attempts: 0,
  });
  const failure = new Failure("tls-handshake", "no shared cipher");
  t.like(sessionRecord(session, { ...CLOSED, ending: "refused", failure }), {
    user: undefined,
    via: "10.0.0.1:40000",
    backend: undefined,
    ending: "refused",
    failure: "tls-handshake",
    reason: "no shared cipher",
    stage: "tls",
    software: undefined,
  });
});

test("session record: a broken connection says why", (t) => {
  t.is(sessionRecord(someSession(), { ...CLOSED, ending: "client-error", reason: "read ECONNRESET" }).reason, "read ECONNRESET");
});

test("session record: a clock that went back makes no negative duration", (t) => {
  t.is(sessionRecord(someSession(), { ...CLOSED, at: 0 }).durationMs, 0);
});

test("session line: whose fault it was decides the level", (t) => {
  const logger = memoryLogger();
  const failures = [new Failure("wrong-credentials", "x"), new Failure("backend-silent", "x"), new Failure("verifier-down", "x")];
  writeSession(logger, sessionRecord(someSession(), CLOSED));
  for (const failure of failures) writeSession(logger, sessionRecord(someSession(), { ...CLOSED, ending: "refused", failure }));
  t.deepEqual(
    logger.lines.map(({ level }) => level),
    ["info", "info", "warn", "error"],
  );
  t.is(logger.lines[0]?.message, "session ended: The client closed the connection");
  t.is(logger.lines[1]?.message, "session ended: Authentication failed");
});

const docs = readFileSync(new URL("../../../docs/logging.md", import.meta.url), "utf8");

test("docs/logging.md: tells every field of the session line as the table does", (t) => {
  for (const [name, { doc }] of Object.entries(SESSION_FIELDS)) t.true(docs.includes(`| \`${name}\` | ${doc} |`), name);
});

test("docs/logging.md: its example is what the log writes", (t) => {
  const record = sessionRecord(someSession(), CLOSED);
  const message = "session ended: The client closed the connection";
  t.true(docs.includes(textLine({ time: STILL.now(), level: "info", message, fields: cleanFields(record) })));
  t.true(docs.includes(JSON.stringify({ time: new Date(STILL.now()).toISOString(), level: "info", message, ...record })));
});
