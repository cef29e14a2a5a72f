// `postern check` from outside: the real program, a folder with a configuration, its exit code and every line that it
// says. `serve` must refuse the same with the same lines.

import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createAuthority, issue } from "@postern/certs";
import concurrent from "ava";
import type { ExecutionContext } from "ava";

/** Each runs a program: all at once would only be in each other's way. */
const test = concurrent.serial;

const POSTERN = fileURLToPath(new URL("../../../bin/postern", import.meta.url));

const authority = createAuthority("Postern tests");
const mail = issue(authority, { names: ["mail.example.com"] });
const other = issue(authority, { names: ["other.example.com"] });
const expired = issue(authority, { names: ["old.example.com"], days: 0 });

const FILES: Readonly<Record<string, string>> = {
  "ca.pem": authority.cert,
  "mail.pem": mail.cert,
  "mail.key": mail.key,
  "other.key": other.key,
  "old.pem": expired.cert,
  "old.key": expired.key,
  "damaged.pem": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
  "short.bin": "too short",
  "master.pass": "Master-geheim-9\n",
  "users.passwd": `alice:{SHA512-CRYPT}$6$rounds=100000$w5Six/pQP7GwZAKy$5nD5Nlt919689dS/4Z7E82.C8TpC4djx78R1h5f9UKR/eXqYDBh6JYQehkSJEktqtSLwC2kMLkurF69Gl6tFE/:scram-sha-256=4096,hPBpza/aY5ItY08dxTMtHw==,A3wThiwoKYJKeiVYvdvR/hBLyItKbWx9WvtcLUN8x3Q=,v4eVlIUPDlwMTN9WJkTSlm4E0/tWYoma0Md/Zt+yalk= nt=c2ae1fe6e648846352453e816f2aeb93\n`,
};

const GOOD = `hostname: mail.example.com
defaultDomain: example.com
workers: 1
tls: { certificates: [{ cert: mail.pem, key: mail.key }] }
listeners: [{ protocol: imap, address: "127.0.0.1:0" }]
backends: { mbx1: { imap: imaps://10.0.0.11 }, mbx2: { imap: imaps://10.0.0.12 } }
routes:
  - { source: static, users: { alice: mbx1 } }
  - { source: hash, backends: [mbx1, mbx2] }
`;

interface Outcome {
  readonly code: number;
  readonly out: string;
  /** Without the name of the folder. */
  readonly lines: readonly string[];
}

/** Runs `postern COMMAND --config postern.yaml ARGS` in a folder with the files and the configuration. */
async function postern(t: ExecutionContext, command: string, config: string, args: readonly string[] = []): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), "postern-check-"));
  t.teardown(() => rmSync(folder, { recursive: true }));
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text, { mode: 0o600 });
  writeFileSync(join(folder, "postern.yaml"), config);
  const bare = (text: string): string => text.replaceAll(`${folder}/`, "");
  return new Promise((resolve) => {
    execFile(POSTERN, [command, "--config", join(folder, "postern.yaml"), ...args], { timeout: 120_000 }, (error, out, err) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      resolve({
        code,
        out: bare(out),
        lines: bare(err)
          .split("\n")
          .filter((line) => line !== ""),
      });
    });
  });
}

async function refuses(t: ExecutionContext, config: string, expected: readonly string[]): Promise<void> {
  const { code, out, lines } = await postern(t, "check", config);
  t.deepEqual([...lines], [...expected]);
  t.is(code, 1);
  t.is(out, "");
}

test("check: a good configuration is fine", async (t) => {
  t.deepEqual(await postern(t, "check", GOOD), { code: 0, out: "postern.yaml: OK (1 listeners, 2 backends)\n", lines: [] });
});

test("check: a route source that contradicts itself is told at the key, and so is every other one", (t) =>
  refuses(
    t,
    `${GOOD}  - { source: hash, backends: [mbx1], weights: { mbx2: 2 } }
  - { source: http, url: "http://10.0.0.9/auth", dialect: nginx }
  - { source: static, users: { alice: mbx1, Alice@example.com: mbx2 } }
  - { source: http, url: "https://10.0.0.9/auth", headers: { "a b": x } }
`,
    [
      'postern.yaml:10:48: routes[2].weights: "mbx2" is not among the backends of this source',
      "postern.yaml:11:26: routes[3].url: http://10.0.0.9/auth would get passwords in clear; use https://, or set allowPlaintext: true",
      'postern.yaml:12:30: routes[4].users: "alice@example.com" is there twice (as "Alice@example.com"); keep one',
      'postern.yaml:13:5: routes[5]: Header name must be a valid HTTP token ["a b"]',
    ],
  ));

test("check: certificates that cannot be used are told, each at its place", (t) =>
  refuses(
    t,
    GOOD.replace("{ cert: mail.pem, key: mail.key }", "{ cert: mail.pem, key: other.key }, { cert: damaged.pem, key: mail.key }"),
    [
      "postern.yaml:4:23: tls.certificates[0]: Cannot use other.key: the key does not belong to the certificate in mail.pem: name the key that it was requested with",
      "postern.yaml:4:59: tls.certificates[1]: Cannot use damaged.pem: certificate 1 in it is damaged",
    ],
  ));

test("check: an expired certificate can be used, with a warning", async (t) => {
  const config = GOOD.replace(
    "{ cert: mail.pem, key: mail.key }",
    "{ cert: mail.pem, key: mail.key }, { cert: old.pem, key: old.key }",
  );
  const { code, out, lines } = await postern(t, "check", config);
  t.is(code, 0);
  t.true(out.includes("OK"));
  t.is(lines.length, 1);
  t.regex(lines[0] ?? "", /^postern\.yaml:4:58: tls\.certificates\[1\]: old\.pem: .*expired/);
});

test("check: authorities that cannot be read and a ticket key that is too short are told", (t) =>
  refuses(
    t,
    GOOD.replace("tls: {", "tls: { clientCa: damaged.pem, ticketKeyFile: short.bin,").replace(
      "imaps://10.0.0.12",
      "{ url: imaps://10.0.0.12, tls: { ca: damaged.pem } }",
    ),
    [
      "postern.yaml:4:18: tls.clientCa: certificate 1 in damaged.pem is damaged",
      "postern.yaml:4:46: tls.ticketKeyFile: has 9 bytes; it needs 48 or more random ones",
      "postern.yaml:6:99: backends.mbx2.imap.tls.ca: certificate 1 in damaged.pem is damaged",
    ],
  ));

test("check: settings of limits, health and log that contradict each other are told", (t) =>
  refuses(
    t,
    `${GOOD}limits:
  login: { maxUnread: 16kB, maxDelay: 1s, failureDelay: 5s, timeout: 1s }
health: { interval: 1s }
log: { trace: { users: alice@example.com } }
`,
    [
      "postern.yaml:11:23: limits.login.maxUnread: must be at least 65538B, to hold maxLine with its CRLF and maxLiteral, not 16kB",
      "postern.yaml:11:39: limits.login.maxDelay: must be at least failureDelay (5s), not 1s",
      "postern.yaml:11:70: limits.login.timeout: must be longer than maxDelay (1s), not 1s",
      "postern.yaml:12:9: health.timeout: must be at most the interval (1s), not 3s",
      "postern.yaml:13:15: log.trace.directory: must be set when trace.users names somebody",
    ],
  ));

const offering = (mechanisms: string): string => GOOD.replace('"127.0.0.1:0"', `"127.0.0.1:0", mechanisms: [${mechanisms}]`);

test("check: mechanisms that are unknown are told", (t) =>
  refuses(t, offering("PLIAN, CRAM-MD5"), [
    'postern.yaml:5:68: listeners[0].mechanisms[0]: unknown mechanism "PLIAN"; did you mean "PLAIN"?',
  ]));

test("check: a mechanism that no route source serves is told", (t) =>
  refuses(t, offering("PLAIN, CRAM-MD5"), [
    "postern.yaml:5:75: listeners[0].mechanisms[1]: CRAM-MD5 works only where a route source checks the password and gives the one for the backend; add a route with source: http and dialect: nginx (or sendPassword: true)",
  ]));

/** GOOD with a password file, and legs that log in as this says. */
const checking = (login: string, mechanisms = "", more = ""): string =>
  GOOD.replace("imaps://10.0.0.11", `{ url: "imaps://10.0.0.11", login: ${login} }`)
    .replace("imaps://10.0.0.12", `{ url: "imaps://10.0.0.12", login: ${login} }`)
    .replace('"127.0.0.1:0"', `"127.0.0.1:0"${mechanisms === "" ? "" : `, mechanisms: [${mechanisms}]`}`)
    .concat(`authentication:\n  verifiers: [{ verifier: file, path: users.passwd }]\n${more}`);

const MASTER = "{ strategy: master, user: postern, passwordFile: master.pass }";

test("check: what is checked here and what backends want must meet", async (t) => {
  await refuses(t, checking("relay", "PLAIN, NTLM, GSSAPI, EXTERNAL"), [
    "postern.yaml:5:75: listeners[0].mechanisms[1]: NTLM leaves no password behind it, and a backend with login: relay needs one; use login: master, oauth or xclient there",
    "postern.yaml:5:81: listeners[0].mechanisms[2]: GSSAPI needs a verifier that proves it (kerberos); there is none under authentication.verifiers",
    "postern.yaml:5:89: listeners[0].mechanisms[3]: EXTERNAL needs clientCertificate: request or require on the listener",
  ]);
  await refuses(t, offering("PLAIN, NTLM, SCRAM-SHA-256-PLUS"), [
    "postern.yaml:5:75: listeners[0].mechanisms[1]: NTLM cannot be passed through; it needs a verifier that proves it (ntlm) under authentication.verifiers",
    "postern.yaml:5:81: listeners[0].mechanisms[2]: SCRAM-SHA-256-PLUS cannot be passed through; it needs a verifier that proves it (scram-sha-256) under authentication.verifiers",
  ]);
});

test("check: a strategy that opens any mailbox wants everybody checked before", async (t) => {
  const sentence =
    "opens any mailbox, and not everybody is checked before; list verifiers under authentication.verifiers, without backend at their end";
  const unchecked = checking(MASTER).replace(/authentication:[^]*/, "");
  await refuses(t, unchecked, [
    `postern.yaml:6:62: backends.mbx1.imap.login: master ${sentence}`,
    `postern.yaml:6:179: backends.mbx2.imap.login: master ${sentence}`,
    "postern.yaml:5:13: listeners[0]: offers no way to log in: no verifier proves anything that its backends' login can carry",
  ]);
  const half = checking("xclient").replace("users.passwd }]", "users.passwd }, { verifier: backend }]");
  t.true((await postern(t, "check", half)).lines.some((line) => line.endsWith(`xclient ${sentence}`)));
});

test("check: verifiers and rights that cannot work are told at their place", async (t) => {
  await refuses(t, checking(MASTER, "", "  rights: [{ users: bob, protocols: [imap, smoke] }]\n"), [
    'postern.yaml:12:37: authentication.rights[0].protocols: there is no protocol "smoke"; use imap, pop3, submission, https or http',
  ]);
  const missing = await postern(t, "check", checking(MASTER).replace("path: users", "path: nobody"));
  t.regex(missing.lines.join("\n"), /^postern\.yaml:11:\d+: authentication\.verifiers\[0\]\.path: /);
  const both = checking(MASTER).replace("users.passwd }]", "nobody.passwd }, { verifier: kerberos, keytab: none.keytab }]");
  const told = await postern(t, "check", both);
  t.regex(told.lines[0] ?? "", /verifiers\[0\]\.path: there is no file nobody\.passwd/);
  t.regex(told.lines[1] ?? "", /verifiers\[1\]\.keytab: none\.keytab does not exist/);
  const order = checking(MASTER).replace("[{ verifier: file", "[{ verifier: backend }, { verifier: file");
  t.regex(
    (await postern(t, "check", order)).lines.join("\n"),
    /authentication\.verifiers\[0\]\.verifier: backend must be the last one/,
  );
});

test("check: a configuration that checks users here and logs in as a master user is good", async (t) => {
  const { code, lines } = await postern(t, "check", checking(MASTER, "PLAIN, NTLM, SCRAM-SHA-256"));
  t.deepEqual([code, [...lines]], [0, []]);
});

const INBOUND = `listeners: [{ protocol: smtp, address: "0.0.0.0:25", tls: none }]
mail: { domains: [example.com] }
backends: { mx1: { smtp: smtp://10.0.0.12 }, mx2: { smtp: lmtp://10.0.0.13 } }
routes: [{ source: static, domains: { example.com: [mx1, mx2] } }]
`;

test("check: mail that comes in crosses plain legs, and nothing is said of passwords", async (t) => {
  const { code, lines } = await postern(t, "check", INBOUND);
  t.deepEqual([code, [...lines]], [0, []]);
});

test("check: where nobody logs in, what is about logging in is refused", (t) =>
  refuses(
    t,
    INBOUND.replace("tls: none", "tls: none, mechanisms: [PLAIN], allowPlaintext: true").replace(
      "smtp: smtp://10.0.0.12",
      "smtp: { url: smtp://10.0.0.12, login: xclient, allowPlaintext: true }",
    ),
    [
      "postern.yaml:1:77: listeners[0].mechanisms: has no use: nobody logs in where smtp is spoken; take it out",
      "postern.yaml:1:102: listeners[0].allowPlaintext: has no use: nobody logs in where smtp is spoken; take it out",
      "postern.yaml:3:58: backends.mx1.smtp.login: has no use: nobody logs in where smtp is spoken; take it out",
      "postern.yaml:3:83: backends.mx1.smtp.allowPlaintext: has no use: nobody logs in where smtp is spoken; take it out",
    ],
  ));

const WEB = `listeners:
  - { protocol: https, address: "127.0.0.1:8443" }
  - { protocol: http, address: 80 }
  - { protocol: passthrough, address: 443 }
tls: { certificates: [{ cert: mail.pem, key: mail.key }] }
backends:
  mbx1: { https: https://10.0.0.11, passthrough: tcp://10.0.0.11 }
routes: [{ source: static, default: mbx1 }]
passthrough: { names: { mail.example.com: mbx1 } }
`;

test("check: web listeners and TLS that is passed through are fine, without a warning", async (t) => {
  const { code, lines } = await postern(t, "check", WEB);
  t.deepEqual([code, [...lines]], [0, []]);
});

test("check: what the web and TLS that is passed through cannot do is told at its place", async (t) => {
  const config = WEB.replace('"127.0.0.1:8443"', '"127.0.0.1:8443", mechanisms: [PLAIN]')
    .replace("address: 80", "address: 80, capabilities: [X]")
    .replace("mail.example.com: mbx1", "mail.example.com: mbx1, Web.example.com: mbx1, other.example.com: mbx2")
    .concat("https: { redirects: { mbx2: { url: https://elsewhere.example.com } } }\n");
  await refuses(t, config, [
    'postern.yaml:9:66: passthrough.names.Web.example.com: must be a host name in small letters, *.DOMAIN for any name below it, or "*" for all others',
    'postern.yaml:9:91: passthrough.names.other.example.com: unknown backend "mbx2"; it must be one of backends',
    'postern.yaml:10:29: https.redirects.mbx2: unknown backend "mbx2"; use mbx1',
  ]);
  await refuses(t, config.replaceAll("mbx2", "mbx1").replace("Web", "web"), [
    "postern.yaml:2:63: listeners[0].mechanisms: https has schemes instead; name them in https.schemes",
    "postern.yaml:3:50: listeners[1].capabilities: has no use: http announces none; take it out",
  ]);
});

test("check: logins at the edge of the web must be checked here, and of use at the backends", async (t) => {
  const edge = (login: string, more: string): string =>
    WEB.replace("https://10.0.0.11", `{ url: "https://10.0.0.11", login: ${login} }`).concat(more);
  const users = "authentication: { verifiers: [{ verifier: file, path: users.passwd }] }\n";
  const { code, lines } = await postern(
    t,
    "check",
    edge("{ strategy: xclient }", `${users}https: { defaultAuthentication: edge, schemes: [NTLM, Basic] }\n`),
  );
  t.deepEqual([code, [...lines]], [0, []]);
  await refuses(t, edge("relay", `${users}https: { services: { owa: { authentication: edge } }, schemes: [NTLM, Basic] }\n`), [
    "postern.yaml:11:65: https.schemes[0]: NTLM leaves no password behind it, and a backend with login: relay needs one; use login: master, oauth or xclient there",
  ]);
  await refuses(
    t,
    edge("relay", "https: { defaultAuthentication: edge, schemes: Negotiate, cookie: { keyFile: short.bin } }\n"),
    [
      "postern.yaml:10:48: https.schemes[0]: Negotiate cannot be passed through; it needs a verifier that proves it (kerberos) under authentication.verifiers",
      "postern.yaml:10:78: https.cookie.keyFile: short.bin has 9 bytes; it needs 32 or more random ones, and at most a megabyte",
    ],
  );
});

test("check: what later builds have is told to be missing", (t) =>
  refuses(t, `${GOOD}state: { kind: redis }\nadmin: { socket: admin.sock }\n`, [
    'postern.yaml:10:16: state.kind: must be memory, not "redis"',
    "postern.yaml:11:1: admin: admin is not in this build yet; take it out",
  ]));

test("check: flags are told by their names, as JSON when asked", async (t) => {
  const { code, out, lines } = await postern(t, "check", GOOD, [
    "--json",
    "--route",
    "alice@example.com=mbx1",
    "--route",
    "ALICE@example.com=mbx2",
  ]);
  t.is(code, 1);
  t.deepEqual(lines, []);
  const { ok, problems } = JSON.parse(out) as { ok: boolean; problems: readonly string[] };
  t.false(ok);
  t.is(problems.length, 1);
  t.true(problems[0]?.startsWith("--route: "), problems[0]);
});

test("serve: refuses what check refuses, with the same lines", async (t) => {
  const config = GOOD.replace("key: mail.key", "key: other.key").replace("users: { alice: mbx1 }", 'users: { "a\\u0007": mbx1 }');
  const checked = await postern(t, "check", config);
  const served = await postern(t, "serve", config);
  t.is(checked.lines.length, 2);
  t.deepEqual(served, checked);
});
