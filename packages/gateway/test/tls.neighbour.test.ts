// TLS of the real program, judged by openssl: certificates by SNI, PFX, new files without a restart, old versions and
// strange protocols refused, sessions that resume on any worker, client certificates.

import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import test from "ava";
import type { ExecutionContext } from "ava";
import { createAuthority, issue } from "@postern/certs";
import { run, succeed, Talk } from "./clients.ts";
import type { Outcome } from "./clients.ts";
import { startGateway } from "./gateway-process.ts";
import type { Gateway, GatewayOptions } from "./gateway-process.ts";
import { ALICE, authority, FILES, LISTENERS, plain, ROUTES, startMailboxes } from "./mailboxes.ts";
import type { Mailboxes } from "./mailboxes.ts";
import { until } from "./until.ts";

const other = issue(authority, { names: ["other.example.org", "*.wild.example.org"] });
const PASSPHRASE = "pfx-geheim";

let mailboxes: Mailboxes;
let options: GatewayOptions;
let gateway: Gateway;
let folder: string;

/** A PFX file as openssl makes it. */
async function pfx(name: string): Promise<Buffer> {
  const { cert, key } = issue(authority, { names: [name], keyType: "rsa" });
  const file = (part: string): string => join(folder, `pfx.${part}`);
  await writeFile(file("pem"), cert);
  await writeFile(file("key"), key, { mode: 0o600 });
  const args = [
    "pkcs12",
    "-export",
    "-in",
    file("pem"),
    "-inkey",
    file("key"),
    "-out",
    file("pfx"),
    "-passout",
    `pass:${PASSPHRASE}`,
  ];
  await succeed("openssl", args);
  return readFile(file("pfx"));
}

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), "postern-tls-"));
  mailboxes = await startMailboxes();
  options = {
    listeners: { ...LISTENERS, mutual: { protocol: "imap", tls: "implicit", clientCertificate: "require" } },
    backends: mailboxes.backends,
    routes: ROUTES,
    files: {
      ...FILES,
      "other.pem": other.cert,
      "other.key": other.key,
      "mail.pfx": await pfx("pfx.example.net"),
      "mail.pass": `${PASSPHRASE}\n`,
    },
    config: {
      tls: {
        certificates: [
          { cert: "server.pem", key: "server.key" },
          { cert: "other.pem", key: "other.key" },
          { pfx: "mail.pfx", passphraseFile: "mail.pass" },
        ],
        clientCa: "ca.pem",
      },
    },
  };
  gateway = await startGateway(options);
});

test.after.always(async () => {
  await gateway?.stop();
  await mailboxes?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** openssl's view of one handshake; it says goodbye at once, over IMAP and POP3. */
function handshake(port: number, ...args: readonly string[]): Promise<Outcome> {
  const connect = ["s_client", "-connect", `127.0.0.1:${port}`, "-CAfile", join(gateway.folder, "ca.pem"), "-crlf", "-ign_eof"];
  return run("openssl", [...connect, ...args], { input: "a LOGOUT\nQUIT\n" });
}

const subject = ({ stdout }: Outcome): string | undefined => /^subject=(.*)$/m.exec(stdout.toString())?.[1];

test("tls: the certificate is chosen by the name that the client asks for; the first is for everybody else", async (t) => {
  for (const [name, wanted] of [
    ["mail.example.com", "CN = mail.example.com"],
    ["other.example.org", "CN = other.example.org"],
    ["OTHER.example.org", "CN = other.example.org"],
    ["any.wild.example.org", "CN = other.example.org"],
    ["pfx.example.net", "CN = pfx.example.net"],
    ["unknown.example.net", "CN = mail.example.com"],
  ]) {
    const seen = await handshake(gateway.port("imaps"), "-servername", name ?? "");
    t.is(subject(seen), wanted, name);
    t.regex(seen.stdout.toString(), /Verify return code: 0 \(ok\)/);
  }
  t.is(subject(await handshake(gateway.port("imaps"), "-noservername")), "CN = mail.example.com");
  t.is(
    subject(await handshake(gateway.port("imap"), "-starttls", "imap", "-servername", "pfx.example.net")),
    "CN = pfx.example.net",
  );
  t.is(
    subject(await handshake(gateway.port("pop3"), "-starttls", "pop3", "-servername", "other.example.org")),
    "CN = other.example.org",
  );
});

test("tls: TLS 1.1 is refused, 1.2 and 1.3 are spoken, 1.2 with modern ciphers only", async (t) => {
  const port = gateway.port("imaps");
  const old = await handshake(port, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0");
  t.not(old.code, 0);
  t.regex(old.stderr, /protocol version/);
  for (const [version, wanted] of [
    ["-tls1_2", /New, TLSv1\.2, Cipher is ECDHE-ECDSA-AES128-GCM-SHA256/],
    ["-tls1_3", /New, TLSv1\.3, Cipher is TLS_AES_/],
  ] as const)
    t.regex((await handshake(port, version)).stdout.toString(), wanted);
  t.not((await handshake(port, "-tls1_2", "-cipher", "AES128-SHA:ECDHE-ECDSA-AES128-SHA")).code, 0);
});

test("tls: ALPN imap and pop3 are agreed on, another protocol ends the handshake", async (t) => {
  for (const [listener, name] of [
    ["imaps", "imap"],
    ["pop3s", "pop3"],
  ] as const) {
    t.regex(
      (await handshake(gateway.port(listener), "-alpn", `${name},http/1.1`)).stdout.toString(),
      new RegExp(`ALPN protocol: ${name}\n`),
    );
    t.regex((await handshake(gateway.port(listener))).stdout.toString(), /No ALPN negotiated/);
    const wrong = await handshake(gateway.port(listener), "-alpn", listener === "imaps" ? "pop3,h2" : "imap");
    t.not(wrong.code, 0);
    t.regex(wrong.stderr, /no application protocol/);
  }
});

test("tls: without a client certificate of the authority nobody gets past the handshake that requires one", async (t) => {
  const { cert, key } = issue(authority, { names: [ALICE], client: true });
  const good = await Talk.open({ port: gateway.port("mutual"), tls: { cert, key } });
  t.regex(await good.ask(`a AUTHENTICATE PLAIN ${plain(ALICE)}\r\n`, /^a .*\r\n/m), /a OK/);
  good.close();
  const stranger = issue(createAuthority("A stranger"), { names: [ALICE], client: true });
  for (const tls of [{}, stranger]) {
    // In TLS 1.3 the client learns of the refusal after its own side of the handshake.
    const talk = await Talk.open({ port: gateway.port("mutual"), tls });
    talk.send("a CAPABILITY\r\n");
    t.is(await talk.over(), "");
  }
  const refused = await until(
    () => {
      const lines = gateway.log().filter(({ failure }) => failure === "tls-client-certificate");
      return lines.length === 2 ? lines : undefined;
    },
    () => gateway.written(),
  );
  t.true(refused.every(({ user }) => user === undefined));
});

const fingerprint = (talk: Talk): string => (talk.socket as TLSSocket).getPeerX509Certificate()?.fingerprint256 ?? "";

/** Opens connections until one shows another certificate than `old`. */
function changed(t: ExecutionContext, name: string, old: string): Promise<string> {
  return until(
    async () => {
      const talk = await Talk.open({ port: gateway.port("imaps"), tls: { servername: name } });
      t.teardown(() => talk.close());
      return fingerprint(talk) === old ? undefined : fingerprint(talk);
    },
    () => `another certificate for ${name}`,
    20_000,
  );
}

test("tls: new files bring a new certificate to new connections, and old ones live on", async (t) => {
  const old = await Talk.open({ port: gateway.port("imaps"), tls: { servername: "other.example.org" } });
  await old.ask(`a AUTHENTICATE PLAIN ${plain(ALICE)}\r\n`, /^a OK.*\r\n/m);
  const renewed = issue(authority, { names: ["other.example.org"] });
  // As certbot does it: new files that take the place of the old ones.
  for (const [name, text] of [
    ["other.pem", renewed.cert],
    ["other.key", renewed.key],
  ] as const) {
    await writeFile(join(gateway.folder, `${name}.new`), text, { mode: 0o600 });
    await rename(join(gateway.folder, `${name}.new`), join(gateway.folder, name));
  }
  t.is(await changed(t, "other.example.org", fingerprint(old)), new X509Certificate(renewed.cert).fingerprint256);
  t.regex(await old.ask("b NOOP\r\n", /^b .*\r\n/m), /b OK/);
  old.close();
});

test("tls: files that cannot be used are logged, and the certificates before them stay", async (t) => {
  await writeFile(join(gateway.folder, "other.key"), issue(authority, { names: ["x.example.org"] }).key);
  const line = await until(
    () => gateway.log().find(({ message }) => /not reloaded/.test(String(message))),
    () => "a log line that the certificates were not reloaded",
    20_000,
  );
  t.regex(String(line["reason"]), /other\.key/);
  t.is(subject(await handshake(gateway.port("imaps"), "-servername", "other.example.org")), "CN = other.example.org");
});

test("tls: a session resumes on any worker", async (t) => {
  const own = await startGateway({ ...options, config: { ...options.config, workers: 2 } });
  t.teardown(() => own.stop());
  for (const version of ["-tls1_2", "-tls1_3"]) {
    const file = join(folder, `session${version}`);
    const first = await handshake(own.port("imaps"), version, "-sess_out", file);
    t.regex(first.stdout.toString(), /^New, /m);
    // The system spreads connections over the two workers: a dozen in a row on one of them is a chance of 1 in 4096.
    for (let count = 0; count < 12; count += 1)
      t.regex((await handshake(own.port("imaps"), version, "-sess_in", file)).stdout.toString(), /^Reused, /m);
  }
});
