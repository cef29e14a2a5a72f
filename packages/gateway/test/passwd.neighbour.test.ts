// One password file for two: lines that `doveadm pw` made and lines that `postern passwd` made, read by a real Dovecot and by
// the verifier. Both must know each user, by the same password and by no other.

import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuthenticator } from "@postern/auth";
import { Failure, Secret, systemClock } from "@postern/contracts";
import { createMemoryLogger, startDovecot, testSession, type Dovecot } from "@postern/testing";
import test from "ava";
import { passwordLine } from "../src/passwd.ts";
import { succeed, Talk } from "./clients.ts";

/** With a character that is two bytes, and what lines and columns are made of. */
const PASSWORD = "Grüße: {1}, $2=";

/** By user. Dovecot's own lines end with its own fields. */
const LINES: Readonly<Record<string, () => Promise<string>>> = {
  "dovecot-argon2id": () => byDovecot("ARGON2ID"),
  "dovecot-bcrypt": () => byDovecot("BLF-CRYPT"),
  "dovecot-sha512": () => byDovecot("SHA512-CRYPT"),
  "dovecot-scram-256": () => byDovecot("SCRAM-SHA-256"),
  "dovecot-scram-1": () => byDovecot("SCRAM-SHA-1"),
  "dovecot-crypt": async () => (await byDovecot("SHA512-CRYPT")).replace("{SHA512-CRYPT}", ""),
  "postern-argon2id": () => byPostern("argon2id"),
  "postern-bcrypt": () => byPostern("bcrypt"),
  "postern-sha512": () => byPostern("sha512-crypt"),
  "postern-columns": () => byPostern("bcrypt", true),
  // What the column says is what Dovecot wants for the password itself.
  "postern-scram": async () => `{SCRAM-SHA-256}${/scram-sha-256=(\S+)/.exec(await byPostern("bcrypt", true))?.[1]}`,
};

async function byDovecot(scheme: string): Promise<string> {
  const made = await succeed("doveadm", ["pw", "-s", scheme, "-p", PASSWORD]);
  return `${made.toString().trim()}:1000:1000::/nowhere::userdb_quota_rule=*:storage=1G`;
}

async function byPostern(scheme: "argon2id" | "bcrypt" | "sha512-crypt", columns = false): Promise<string> {
  const line = await passwordLine("x", Buffer.from(PASSWORD), { scheme, scram: columns, nt: columns });
  return line.slice("x:".length);
}

let folder = "";
let path = "";
let dovecot: Dovecot;

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), "postern-passwd-"));
  await chmod(folder, 0o755);
  path = join(folder, "users");
  const lines = await Promise.all(Object.entries(LINES).map(async ([user, make]) => `${user}@example.com:${await make()}\n`));
  await writeFile(path, lines.join(""), { mode: 0o644 });
  dovecot = await startDovecot({ users: {}, passdb: `passdb {\n  driver = passwd-file\n  args = ${path}\n}` });
});

test.after.always(async () => {
  await dovecot?.stop();
  await rm(folder, { recursive: true });
});

async function dovecotSays(user: string, password: string): Promise<boolean> {
  const talk = await Talk.open({ port: dovecot.imapPort, tls: false });
  try {
    await talk.until(/^\* OK .*\r\n/);
    const initial = Buffer.from(`\0${user}\0${password}`).toString("base64");
    return (await talk.ask(`a AUTHENTICATE PLAIN ${initial}\r\n`, /^a (OK|NO) .*\r\n/m)).includes("a OK ");
  } finally {
    talk.socket.destroy();
  }
}

async function posternSays(user: string, password: string): Promise<boolean> {
  const context = { clock: systemClock, logger: createMemoryLogger(), defaultDomain: undefined, secret: Buffer.alloc(32) };
  const settings = { cache: 0, actAs: [], rights: [], masterSeparator: undefined };
  const authenticator = createAuthenticator({ ...settings, verifiers: [{ verifier: "file", path }] }, context);
  const secret = new Secret(password);
  const credentials = { kind: "password", mechanism: "PLAIN", authcid: user, authzid: "", secret } as const;
  try {
    return (await authenticator.check(credentials, testSession())).user === user;
  } catch (error) {
    if (error instanceof Failure && error.kind === "wrong-credentials") return false;
    throw error;
  } finally {
    authenticator.close();
  }
}

for (const name of Object.keys(LINES)) {
  test.serial(`password file: Dovecot and the verifier agree about ${name}`, async (t) => {
    const user = `${name}@example.com`;
    for (const [who, says] of [
      ["Dovecot", dovecotSays],
      ["Postern", posternSays],
    ] as const) {
      t.true(await says(user, PASSWORD), `${who}, the right password`);
      t.false(await says(user, `${PASSWORD}x`), `${who}, a wrong password`);
    }
  });
}

test.serial("password file: Dovecot and the verifier agree about who is not there", async (t) => {
  t.false(await dovecotSays("nobody@example.com", PASSWORD));
  t.false(await posternSays("nobody@example.com", PASSWORD));
});
