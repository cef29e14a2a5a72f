// Mail itself through the real program: large messages both ways, and a mailbox synchronised by mbsync, byte for byte.

import { createHash, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { ImapFlow } from "imapflow";
import { succeed } from "./clients.ts";
import { startGateway } from "./gateway-process.ts";
import type { Gateway } from "./gateway-process.ts";
import { ALICE, CAROL, FILES, LISTENERS, PASSWORDS, ROUTES, startMailboxes } from "./mailboxes.ts";
import type { Mailboxes } from "./mailboxes.ts";

let mailboxes: Mailboxes;
let gateway: Gateway;
let ca: string;

test.before(async () => {
  mailboxes = await startMailboxes();
  gateway = await startGateway({ listeners: LISTENERS, backends: mailboxes.backends, routes: ROUTES, files: FILES });
  ca = join(gateway.folder, "ca.pem");
});

test.after.always(async () => {
  await gateway?.stop();
  await mailboxes?.stop();
});

const password = (user: string): string => PASSWORDS[user] ?? "";
const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

/** Lines of base64, CRLF, so that no server has a reason to change anything. */
function message(bytes: number): Buffer {
  const body = randomBytes(Math.ceil((bytes * 57) / 78))
    .toString("base64")
    .replaceAll(/.{76}/g, "$&\r\n");
  return Buffer.from(`From: a@example.org\r\nSubject: large\r\nMIME-Version: 1.0\r\n\r\n${body}\r\n`);
}

test("imap: a message of 50 MB comes back byte for byte", async (t) => {
  const text = message(50 * 1024 * 1024);
  const ssl = { ca: FILES["ca.pem"], servername: "mail.example.com" };
  const auth = { user: ALICE, pass: password(ALICE) };
  const client = new ImapFlow({ host: "127.0.0.1", port: gateway.port("imaps"), secure: true, auth, tls: ssl, logger: false });
  await client.connect();
  await client.mailboxCreate("large");
  const stored = await client.append("large", text);
  t.truthy(stored);
  await client.logout();
  const port = gateway.port("imaps");
  const resolve = ["--cacert", ca, "--resolve", `mail.example.com:${port}:127.0.0.1`];
  const url = `imaps://mail.example.com:${port}/large;UID=1`;
  const fetched = await succeed("curl", ["-sS", ...resolve, "-u", `${ALICE}:${password(ALICE)}`, url]);
  t.is(fetched.length, text.length);
  t.is(sha256(fetched), sha256(text));
  // More than 50 MB went down, and up: both are counted.
  await gateway.logged({ user: ALICE, bytesOut: /^5\d{7}$/ });
  await gateway.logged({ user: ALICE, bytesIn: /^5\d{7}$/ });
});

/** 200 messages such as no test would think of: all bytes, long lines, bare line ends, dots, no header, nothing at all. */
function oddMessages(): string[] {
  const bodies = [
    "",
    ".",
    "..",
    "\n.\n",
    "From here\n",
    "=00=FF\n",
    "A".repeat(9000),
    "\t \t\n \n",
    ") OK\r\n* BYE\r\n",
    "{10}\r\n",
  ];
  return Array.from({ length: 200 }, (_, index) => {
    const noise = Array.from({ length: 1 + (index % 40) * 7 }, (_, at) =>
      String.fromCharCode(32 + ((at * 31 + index * 17) % 223)),
    ).join("");
    const end = index % 3 === 0 ? "\r\n" : "\n";
    return [`Message-ID: <${index}@odd>`, `Subject: =?utf-8?q?odd_${index}?=`, "", noise, bodies[index % bodies.length], ""].join(
      end,
    );
  });
}

// mbsync marks each copy with a random word of its own, in a header that it adds.
const withoutTuid = (bytes: Buffer): Buffer =>
  Buffer.from(bytes.toString("latin1").replace(/^X-TUID: \S{12}\r?\n/m, ""), "latin1");

/** All files of a folder below `root`, by path, without mbsync's own state. */
async function filesBelow(root: string): Promise<Map<string, string>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const found = new Map<string, string>();
  for (const entry of entries) {
    if (!entry.isFile() || entry.name.startsWith(".")) continue;
    // A maildir's file name begins with time and host; what follows is the UID and the flags.
    const name = /,U=.*$/.exec(entry.name)?.[0] ?? entry.name;
    const path = join(entry.parentPath, entry.name);
    found.set(`${entry.parentPath.slice(root.length)}/${name}`, sha256(withoutTuid(await readFile(path))));
  }
  return new Map([...found].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

test("imap: a mailbox synchronised by mbsync through the gateway equals one synchronised directly", async (t) => {
  const root = await mkdtemp(join(tmpdir(), "mbsync-"));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  for (const text of oddMessages()) await mailboxes.mbx1.deliver(CAROL, text);
  const synchronise = async (name: string, server: string): Promise<Map<string, string>> => {
    const folder = join(root, name);
    await mkdir(folder);
    const config = `IMAPStore far\n${server}User ${CAROL}\nPass ${password(CAROL)}\nAuthMechs PLAIN

MaildirStore near\nPath ${folder}/\nInbox ${folder}/INBOX\nSubFolders Verbatim

Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Near\nSyncState ${folder}/.state-\n`;
    const file = join(root, `${name}.rc`);
    await writeFile(file, config, { mode: 0o600 });
    await succeed("mbsync", ["-c", file, "-a"], { env: { HOME: root } });
    return filesBelow(folder);
  };
  const through = await synchronise(
    "through",
    `Host localhost\nPort ${gateway.port("imaps")}\nSSLType IMAPS\nSystemCertificates no\nCertificateFile ${ca}\n`,
  );
  const direct = await synchronise("direct", `Host 127.0.0.1\nPort ${mailboxes.mbx1.imapPort}\nSSLType None\n`);
  t.true(direct.size >= 200);
  t.deepEqual([...through.keys()], [...direct.keys()]);
  t.deepEqual(
    [...direct].filter(([name, hash]) => through.get(name) !== hash),
    [],
  );
});
