// What tests of submission share: messages that can be found again, Python's smtplib as the client that sends them, and a
// look at what Postfix delivered.

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Postfix } from "@postern/testing";
import { run, type Outcome } from "./clients.ts";
import type { Gateway, Json } from "./gateway-process.ts";
import { PASSWORDS } from "./mailboxes.ts";
import { until } from "./until.ts";

export const SUBMISSION: Readonly<Record<string, Json>> = {
  submission: { protocol: "submission", tls: "starttls" },
  submissions: { protocol: "submission", tls: "implicit" },
};

export const password = (user: string): string => PASSWORDS[user] ?? "";

/** For a Postfix: these users, with their passwords. */
export const users = (...names: string[]): Record<string, string> =>
  Object.fromEntries(names.map((name) => [name, password(name)]));

/** Every message of the tests has a word of its own. */
export const someWord = (): string => `w${randomBytes(6).toString("hex")}`;

/** A whole message from this user; the body with its CRLFs. */
export function message(word: string, user: string, body = "hello\r\n"): string {
  const head = [`Subject: ${word}`, `From: <${user}>`, "To: <dave@example.com>", "Date: Sun, 22 Nov 2026 12:00:00 +0000"];
  return `${[...head, `Message-ID: <${word}@x>`].join("\r\n")}\r\n\r\n${body}`;
}

/** The message with this word as Postfix delivered it, and what it put in front. */
export async function delivered(server: Postfix, word: string): Promise<{ readonly head: string; readonly message: Buffer }> {
  const mail = await until(
    async () => (await server.messages()).find((one) => one.includes(word)),
    () => `the message ${word} in ${server.log()}`,
    20_000,
  );
  const start = mail.indexOf("Subject: ");
  const sent = Buffer.from(mail.subarray(start).toString("latin1").replaceAll("\n", "\r\n"), "latin1");
  return { head: mail.subarray(0, start).toString(), message: sent };
}

const SMTPLIB = `
import smtplib, ssl, sys
port, mode, ca, source, user, password = sys.argv[1:]
tls = ssl.create_default_context(cafile=ca)
options = { "local_hostname": "app.example.net", "source_address": (source, 0) }
if mode == "submissions":
    s = smtplib.SMTP_SSL("127.0.0.1", int(port), context=tls, **options)
else:
    s = smtplib.SMTP("127.0.0.1", int(port), **options)
    s.starttls(context=tls)
try:
    s.login(user, password)
except smtplib.SMTPAuthenticationError as error:
    print(error.smtp_code, error.smtp_error.decode())
    sys.exit(3)
s.sendmail(user, ["dave@example.com"], sys.stdin.buffer.read())
s.quit()
`;

/** Sends by smtplib; exit code 3, and the reply on stdout, when the login is refused. */
export function smtplib(
  gateway: Gateway,
  mode: string,
  user: string,
  secret: string,
  text: string,
  from = "127.0.0.1",
): Promise<Outcome> {
  const args = [gateway.port(mode), mode, join(gateway.folder, "ca.pem"), from, user, secret].map(String);
  return run("/usr/bin/python3", ["-c", SMTPLIB, ...args], { input: Buffer.from(text, "latin1") });
}
