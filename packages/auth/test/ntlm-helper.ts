// A stand-in for Samba's ntlm_auth in the mode ntlm-server-1, with its manners: a no ends with two dots, and complaints
// come in blocks of their own. What it does depends on the user's name, and NT-Response chooses the session key.

import { createInterface } from "node:readline";

const NO = "Authenticated: No\nAuthentication-Error:";
const ANSWERS: Readonly<Record<string, (key: string) => string>> = {
  wrong: () =>
    `${NO} The attempted logon is invalid. This is either due to a bad username or authentication information.\n.\n.\n`,
  unknown: () => `${NO} NT_STATUS_NO_SUCH_USER\n.\n.\n`,
  locked: () => `${NO} NT_STATUS_ACCOUNT_LOCKED_OUT\n.\n.\n`,
  expired: () => `${NO} NT_STATUS_PASSWORD_EXPIRED\n.\n.\n`,
  hours: () => `${NO} NT_STATUS_INVALID_LOGON_HOURS\n.\n.\n`,
  winbindless: () => `${NO} Reading winbind reply failed!\n.\n.\n`,
  guest: () => "Authenticated: Yes\n.\n",
  "bad-key": () => "Authenticated: Yes\nUser-Session-Key: 00\n.\n",
  complaint: () => "Error: one\n.\nError: two\n.\n",
  chatty: (key) => `${yes(key)}${yes("ff".repeat(16))}`,
  endless: () => "x".repeat(100_000),
  silent: () => "",
};

const yes = (key: string): string => `Authenticated: Yes\nUser-Session-Key: ${key.toUpperCase()}\n.\n`;

let question = new Map<string, string>();
let answered = 0;

for await (const line of createInterface({ input: process.stdin })) {
  if (line !== ".") {
    const [key = "", value = ""] = line.split(/:: ?|: /);
    question.set(key, line.includes("::") ? Buffer.from(value, "base64").toString() : value);
    continue;
  }
  const user = question.get("Username") ?? "";
  const key = (question.get("NT-Response") ?? "").slice(0, 32);
  question = new Map();
  if (user === "exit") {
    process.stderr.write("out of order\n");
    process.exit(3);
  }
  answered++;
  // "count" learns how many answers this very process has given.
  process.stdout.write(ANSWERS[user]?.(key) ?? yes(user === "count" ? answered.toString(16).padStart(32, "0") : key));
}
