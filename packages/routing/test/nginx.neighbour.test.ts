// The same logins through a real nginx and through our source: both must ask the auth_http server the same question.

import test from "ava";
import type { ExecutionContext } from "ava";
import { createHash, createHmac, X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { Failure, Secret, systemClock } from "@postern/contracts";
import type { ClientCertificate, DigestCredentials, RouteSource, Session } from "@postern/contracts";
import type { CertificateAndKey } from "@postern/certs";
import { buildSources } from "../src/build.ts";
import type { EnvelopeQuery } from "@postern/lookup";
import { serveHttp, testPassword, testQuery, testSession, testTls } from "@postern/testing";
import type { TestServer } from "@postern/testing";
import { headerPairs, httpValue } from "./helpers.ts";
import { dial, dialTls, startNginx, talk } from "./nginx.ts";
import type { Nginx } from "./nginx.ts";

type Head = ReadonlyMap<string, string>;

const ANSWER = new Map<string, string>();
const heads: Record<"nginx" | "ours", Head[]> = { nginx: [], ours: [] };
let server: TestServer;
let nginx: Nginx;
let ours: RouteSource;

test.before(async () => {
  server = await serveHttp((request, response) => {
    const head = [...headerPairs(request)].filter(([name]) => /^(auth|client|proxy-protocol|x-auth)-/.test(name));
    heads[request.url === "/nginx" ? "nginx" : "ours"].push(new Map(head));
    for (const [name, value] of ANSWER) response.setHeader(name, value);
    response.end();
  });
  nginx = await startNginx(server.port);
  const value = httpValue([`http://127.0.0.1:${server.port}/ours`], {
    dialect: "nginx",
    headers: { "X-Auth-Key": "k1" },
    passClientCertificate: true,
  });
  const [made] = buildSources([value], { clock: systemClock, hostname: "mail.example.com" });
  if (made === undefined) throw new Error("no source");
  ours = made;
});

test.beforeEach(() => {
  heads.nginx.length = 0;
  heads.ours.length = 0;
  ANSWER.clear();
  ANSWER.set("Auth-Status", "Invalid login or password");
});

test.after.always(async () => {
  ours?.close();
  await nginx?.stop();
  await server?.stop();
});

const base64 = (value: string | Buffer): string => Buffer.from(value).toString("base64");
const plain = (user: string, secret: string | Buffer): string =>
  base64(Buffer.concat([Buffer.from(`\0${user}\0`), Buffer.from(secret)]));

/** The visit as our gateway would know it. */
function visit(socket: Socket, port: number, more: Partial<Session> = {}): Session {
  const client = { host: "127.0.0.1", port: socket.localPort ?? 0 };
  return testSession({ attempts: 1, peer: client, client, local: { host: "127.0.0.1", port }, ...more });
}

async function ask(asked: EnvelopeQuery): Promise<Failure> {
  try {
    await ours.find(asked);
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("our source was told yes");
}

/** Both asked once, with the same headers, the same values, in the same order. */
function same(t: ExecutionContext, what: string): void {
  t.is(heads.nginx.length, 1, what);
  t.is(heads.ours.length, 1, what);
  t.deepEqual([...(heads.ours[0] ?? [])], [...(heads.nginx[0] ?? [])], what);
  heads.nginx.length = 0;
  heads.ours.length = 0;
}

const ODD: readonly (readonly [user: string, secret: string | Buffer])[] = [
  ["alice@example.com", "secret"],
  ["Alice@Example.COM", "with space"],
  [" lead and trail ", " lead and trail "],
  ["per%cent", "100%25 %zz"],
  ["jörg@bücher.example", "pässwörd 密码"],
  ["quote\"'\\", "quote\"'\\<>&;"],
  ["a\r\nAuth-Status: OK", "b\r\n\r\nGET / HTTP/1.0"],
  ["tab\tand\u0001", "\u001f\u0002"],
  ["user+tag=x,y;z", "=?#[]{}|^`~"],
  ["bytes", Buffer.from([0xff, 0xfe, 0x80, 0xc3, 0x28])],
  ["empty-ish", "%"],
];

test.serial("real nginx: IMAP logins with odd names and passwords give the same request as ours", async (t) => {
  const port = nginx.ports.imap;
  for (const [user, secret] of ODD) {
    const socket = await dial(port);
    const seen = await talk(socket, ["a1 AUTHENTICATE PLAIN", plain(user, secret)]);
    t.is(seen.at(-1), "a1 NO Invalid login or password\r\n");
    const failure = await ask(testQuery("x", testPassword(user, secret), { session: visit(socket, port) }));
    t.deepEqual([failure.kind, failure.said], ["wrong-credentials", { text: "Invalid login or password" }]);
    same(t, `${user} ${String(secret)}`);
    socket.destroy();
  }
});

test.serial("real nginx: POP3 logins with odd names and passwords give the same request as ours", async (t) => {
  const port = nginx.ports.pop3;
  for (const [user, secret] of ODD) {
    const socket = await dial(port);
    await talk(socket, ["AUTH PLAIN", plain(user, secret)]);
    await ask(testQuery("x", testPassword(user, secret), { protocol: "pop3", session: visit(socket, port) }));
    same(t, `${user} ${String(secret)}`);
    socket.destroy();
  }
});

test.serial("real nginx: DEL is the one byte that differs, until it is decoded", async (t) => {
  const port = nginx.ports.imap;
  const socket = await dial(port);
  await talk(socket, ["a1 AUTHENTICATE PLAIN", plain("del", "a\x7fb")]);
  await ask(testQuery("x", testPassword("del", "a\x7fb"), { session: visit(socket, port) }));
  t.is(heads.nginx[0]?.get("auth-pass"), "a\x7fb");
  t.is(heads.ours[0]?.get("auth-pass"), "a%7Fb");
  socket.destroy();
});

const digestOf = (mechanism: string, authcid: string, salt: string, digest: string): DigestCredentials => ({
  kind: "digest",
  mechanism,
  authcid,
  authzid: "",
  salt,
  secret: new Secret(digest),
});

test.serial("real nginx: CRAM-MD5 and APOP give the same request as ours", async (t) => {
  for (const [protocol, port, command] of [
    ["imap", nginx.ports.imap, "a1 AUTHENTICATE CRAM-MD5"],
    ["pop3", nginx.ports.pop3, "AUTH CRAM-MD5"],
  ] as const) {
    const socket = await dial(port);
    let salt = "";
    let digest = "";
    const prove = (challenge: string): string => {
      salt = Buffer.from(challenge.trim().replace(/^\+ /, ""), "base64").toString();
      digest = createHmac("md5", "pw").update(salt).digest("hex");
      return base64(`alice ${digest}`);
    };
    await talk(socket, [command, prove]);
    t.regex(salt, /^<.*@mail\.example\.com>$/);
    await ask(testQuery("x", digestOf("CRAM-MD5", "alice", salt, digest), { protocol, session: visit(socket, port) }));
    same(t, `CRAM-MD5 ${protocol}`);
    socket.destroy();
  }
  const port = nginx.ports.pop3;
  const socket = await dial(port);
  let salt = "";
  let digest = "";
  const apop = (greeting: string): string => {
    salt = /<.*>/.exec(greeting)?.[0] ?? "";
    digest = createHash("md5").update(`${salt}pw`).digest("hex");
    return `APOP alice ${digest}`;
  };
  await talk(socket, [apop]);
  await ask(testQuery("x", digestOf("APOP", "alice", salt, digest), { protocol: "pop3", session: visit(socket, port) }));
  same(t, "APOP");
  socket.destroy();
});

test.serial("real nginx: EXTERNAL gives the same request as ours", async (t) => {
  const port = nginx.ports.imap;
  const socket = await dial(port);
  await talk(socket, ["a1 AUTHENTICATE EXTERNAL", base64("alice@example.com")]);
  await ask(testQuery("x", testPassword("alice@example.com", "", { mechanism: "EXTERNAL" }), { session: visit(socket, port) }));
  same(t, "EXTERNAL");
  socket.destroy();
});

test.serial("real nginx: SMTP logins, and mail without a login, give the same request as ours", async (t) => {
  const port = nginx.ports.smtp;
  const socket = await dial(port);
  await talk(socket, ["EHLO client.example.org", `AUTH PLAIN ${plain("al%ice", "p w")}`]);
  await ask(testQuery("x", testPassword("al%ice", "p w"), { protocol: "submission", session: visit(socket, port) }));
  same(t, "SMTP login");
  socket.destroy();

  const open = await dial(port);
  await talk(open, ["EHLO client.example.org", "MAIL FROM:<a+b@example.org> SIZE=100", "RCPT TO:<c d@example.com>"]);
  const envelope = {
    helo: "client.example.org",
    from: "MAIL FROM:<a+b@example.org> SIZE=100",
    to: "RCPT TO:<c d@example.com>",
  };
  await ask({ ...testQuery("", undefined, { protocol: "smtp", session: visit(open, port) }), envelope });
  same(t, "SMTP none");
  open.destroy();
});

test.serial("real nginx: a second attempt counts, and both wait as long", async (t) => {
  ANSWER.set("Auth-Wait", "1");
  const port = nginx.ports.imap;
  const socket = await dial(port);
  await talk(socket, ["a1 AUTHENTICATE PLAIN", plain("alice", "one")]);
  heads.nginx.length = 0;
  socket.write("a2 AUTHENTICATE PLAIN\r\n");
  await talk(socket, [plain("alice", "two")]);
  const failure = await ask(testQuery("x", testPassword("alice", "two"), { session: visit(socket, port, { attempts: 2 }) }));
  t.is(failure.waitMs, 1000);
  t.is(heads.nginx[0]?.get("auth-login-attempt"), "2");
  same(t, "second attempt");
  socket.destroy();
});

/** The facts that our TLS server would have of this client. */
function certificateFacts(client: CertificateAndKey): ClientCertificate {
  const { subject, issuer, serialNumber, fingerprint, raw } = new X509Certificate(client.cert);
  const name = (lines: string): string => lines.split("\n").toReversed().join(",");
  const pem = `-----BEGIN CERTIFICATE-----\n${raw.toString("base64").replace(/.{64}/g, "$&\n").trim()}\n-----END CERTIFICATE-----\n`;
  return {
    verify: "SUCCESS",
    subject: name(subject),
    issuer: name(issuer),
    serial: serialNumber,
    fingerprint: fingerprint.replaceAll(":", "").toLowerCase(),
    pem,
  };
}

const none: ClientCertificate = { verify: "NONE", subject: "", issuer: "", serial: "", fingerprint: "", pem: "" };

async function overTls(t: ExecutionContext, socket: TLSSocket, clientCertificate: ClientCertificate): Promise<void> {
  const port = nginx.ports.imaps;
  await talk(socket, ["a1 AUTHENTICATE PLAIN", plain("alice", "p w")]);
  const facts = testTls({ version: socket.getProtocol() ?? "", cipher: socket.getCipher().standardName, clientCertificate });
  await ask(testQuery("x", testPassword("alice", "p w"), { session: visit(socket, port, { tls: facts }) }));
  t.is(heads.ours[0]?.get("auth-ssl"), "on");
  t.is(heads.ours[0]?.get("auth-ssl-verify"), clientCertificate.verify);
  same(t, facts.cipher);
  socket.destroy();
}

test.serial("real nginx: over TLS 1.3 and 1.2, with and without a client certificate, the requests are the same", async (t) => {
  const { imaps } = nginx.ports;
  for (const version of ["TLSv1.3", "TLSv1.2"] as const) {
    await overTls(t, await dialTls(imaps, version, nginx.client), certificateFacts(nginx.client));
    await overTls(t, await dialTls(imaps, version), none);
  }
});

test.serial("real nginx: behind a PROXY header the requests are the same", async (t) => {
  const port = nginx.ports.proxied;
  const socket = await dial(port);
  socket.write("PROXY TCP4 198.51.100.7 203.0.113.1 50000 993\r\n");
  await talk(socket, ["a1 AUTHENTICATE PLAIN", plain("alice", "pw")]);
  const behind = visit(socket, port, {
    client: { host: "198.51.100.7", port: 50_000 },
    local: { host: "203.0.113.1", port: 993 },
  });
  await ask(testQuery("x", testPassword("alice", "pw"), { session: behind }));
  t.is(heads.ours[0]?.get("proxy-protocol-addr"), "198.51.100.7");
  same(t, "PROXY");
  socket.destroy();
});
