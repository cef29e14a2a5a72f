import { once } from "node:events";
import type { Socket } from "node:net";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import test, { type ExecutionContext } from "ava";
import { createAuthority, issue, selfSigned } from "@postern/certs";
import type { Failure } from "@postern/contracts";
import { kindOf, socketPair } from "../test/helpers.ts";
import {
  TlsServer,
  tlsFacts,
  type ClientCertificatePolicy,
  type ServerCertificate,
  type TlsServerOptions,
} from "./tls-server.ts";

const authority = createAuthority("Client authority");
const certificateOf = (...names: readonly string[]): ServerCertificate => ({ ...selfSigned(names), names });
const MAIN = certificateOf("mail.example.com");
const WILD = certificateOf("*.example.org");
const OTHER = certificateOf("other.example.net");

function serverWith(options: Partial<TlsServerOptions> = {}): TlsServer {
  return new TlsServer({
    certificates: [MAIN, WILD, OTHER],
    minVersion: "TLSv1.2",
    ciphers: undefined,
    clientCa: undefined,
    ticketKeys: Buffer.alloc(48, 1),
    ...options,
  });
}

interface Met {
  readonly secured: TLSSocket | undefined;
  readonly failure: Failure | undefined;
  readonly client: TLSSocket;
  /** What the client's handshake ended with; undefined when it succeeded. */
  readonly problem: (Error & { code?: string }) | undefined;
}

/** One handshake over loopback, both halves. */
async function meet(
  t: ExecutionContext,
  server: TlsServer,
  options: ConnectionOptions = {},
  alpn: readonly string[] = [],
  policy: ClientCertificatePolicy = "none",
): Promise<Met> {
  const [accepted, dialled] = await socketPair(t);
  const client = connect({ socket: dialled, rejectUnauthorized: false, ...options });
  const connected = new Promise<Error | undefined>((resolve) => {
    client.once("secureConnect", () => resolve(undefined));
    client.on("error", resolve);
    client.once("close", () => resolve(new Error("closed")));
  });
  const outcome = await server.secure(accepted, alpn, policy).then(
    (secured) => ({ secured, failure: undefined }),
    (error: unknown) => ({ secured: undefined, failure: error as Failure }),
  );
  const problem = await connected;
  t.teardown(() => client.destroy());
  return { ...outcome, client, problem };
}

for (const [serverName, subject] of [
  ["mail.example.com", "mail.example.com"],
  ["MAIL.Example.COM", "mail.example.com"],
  ["a.example.org", "*.example.org"],
  ["A.EXAMPLE.ORG", "*.example.org"],
  ["other.example.net", "other.example.net"],
  ["a.b.example.org", "mail.example.com"],
  ["example.org", "mail.example.com"],
  ["unknown.example", "mail.example.com"],
] as const) {
  test(`tls server: for ${serverName} shows the certificate of ${subject}`, async (t) => {
    const { client, secured } = await meet(t, serverWith(), { servername: serverName });
    t.is(client.getPeerCertificate().subject.CN, subject);
    t.is(secured && tlsFacts(secured, "none").serverName?.toLowerCase(), serverName.toLowerCase());
  });
}

test("tls server: without a name shows the first certificate", async (t) => {
  const { client, secured } = await meet(t, serverWith());
  t.is(client.getPeerCertificate().subject.CN, "mail.example.com");
  t.is(secured && tlsFacts(secured, "none").serverName, undefined);
});

test("tls server: needs a certificate", (t) => {
  t.throws(() => serverWith({ certificates: [] }), { message: /certificate/ });
});

test("tls server: takes the ALPN name that it knows, and clients that name none", async (t) => {
  const known = await meet(t, serverWith(), { ALPNProtocols: ["h2", "mail"] }, ["mail"]);
  t.is(known.client.alpnProtocol, "mail");
  t.is(known.secured && tlsFacts(known.secured, "none").alpn, "mail");
  const none = await meet(t, serverWith(), {}, ["mail"]);
  t.is(none.problem, undefined);
  t.is(none.secured && tlsFacts(none.secured, "none").alpn, undefined);
});

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  test(`tls server: an ALPN offer of other protocols only ends the ${version} handshake with an alert`, async (t) => {
    const { failure, problem } = await meet(t, serverWith(), { ALPNProtocols: ["http/1.1"], maxVersion: version }, ["mail"]);
    t.is(failure?.kind, "tls-handshake");
    t.regex(String(problem), /no application protocol|ALERT_NO_APPLICATION_PROTOCOL/i);
  });

  test(`tls server: a ${version} session is resumed at another server with the same ticket keys, and only there`, async (t) => {
    const only = { minVersion: version, maxVersion: version, servername: "mail.example.com" };
    const first = await meet(t, serverWith(), only);
    const ticket = once(first.client, "session");
    first.secured?.write("x");
    first.client.resume();
    const [session] = version === "TLSv1.2" ? [first.client.getSession()] : ((await ticket) as [Buffer]);
    const again = await meet(t, serverWith(), { ...only, session });
    t.true(again.client.isSessionReused());
    t.true(again.secured && tlsFacts(again.secured, "none").resumed);
    const elsewhere = await meet(t, serverWith({ ticketKeys: Buffer.alloc(48, 2) }), { ...only, session });
    t.is(elsewhere.problem, undefined);
    t.false(elsewhere.client.isSessionReused());
  });
}

test("tls server: refuses versions below its least one", async (t) => {
  const { failure, problem } = await meet(t, serverWith({ minVersion: "TLSv1.3" }), { maxVersion: "TLSv1.2" });
  t.is(failure?.kind, "tls-handshake");
  t.truthy(problem);
  const { secured } = await meet(t, serverWith({ minVersion: "TLSv1.3" }));
  t.is(secured && tlsFacts(secured, "none").version, "TLSv1.3");
});

test("tls server: TLS 1.1 is refused", async (t) => {
  const old = { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" } as const;
  t.is((await meet(t, serverWith(), old)).failure?.kind, "tls-handshake");
});

test("tls server: takes forward-secret suites only", async (t) => {
  const rsa = { maxVersion: "TLSv1.2", ciphers: "AES128-GCM-SHA256:AES256-SHA" } as const;
  t.is((await meet(t, serverWith(), rsa)).failure?.kind, "tls-handshake");
  const { secured } = await meet(t, serverWith(), { maxVersion: "TLSv1.2" });
  t.regex(String(secured && tlsFacts(secured, "none").cipher), /^TLS_ECDHE_/);
});

const clientCa = authority.cert;
const mine = issue(authority, { names: ["alice@example.com"], client: true });
const foreign = issue(createAuthority("Another authority"), { names: ["mallory@example.com"], client: true });

test("tls server: a client certificate that is required and valid is known by its facts", async (t) => {
  const { secured } = await meet(t, serverWith({ clientCa }), mine, [], "require");
  const facts = secured && tlsFacts(secured, "require").clientCertificate;
  t.is(facts?.verify, "SUCCESS");
  t.is(facts?.subject, "CN=alice@example.com");
  t.is(facts?.issuer, "CN=Client authority");
  t.regex(String(facts?.serial), /^[0-9A-F]+$/);
  t.regex(String(facts?.fingerprint), /^[0-9a-f]{40}$/);
  t.regex(String(facts?.pem), /^-----BEGIN CERTIFICATE-----/);
});

test("tls server: a distinguished name is escaped once, as RFC 2253 writes it", async (t) => {
  const odd = createAuthority('A, "B" + C; <D>');
  const client = issue(odd, { names: ["alice@example.com"], client: true });
  const { secured } = await meet(t, serverWith({ clientCa: odd.cert }), client, [], "require");
  t.is(secured && tlsFacts(secured, "require").clientCertificate?.issuer, 'CN=A\\, \\"B\\" \\+ C\\; \\<D\\>');
});

for (const [title, options] of [
  ["none", {}],
  ["one of another authority", foreign],
  ["a self-signed one", selfSigned(["alice@example.com"])],
] as const) {
  test(`tls server: where a client certificate is required, ${title} is refused`, async (t) => {
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      const { failure } = await meet(t, serverWith({ clientCa }), { ...options, maxVersion }, [], "require");
      t.is(failure?.kind, "tls-client-certificate", maxVersion);
    }
  });
}

test("tls server: where a client certificate is only asked for, the facts tell how it was", async (t) => {
  const verify = async (options: ConnectionOptions): Promise<string | undefined> => {
    const { secured } = await meet(t, serverWith({ clientCa }), options, [], "request");
    return secured && tlsFacts(secured, "request").clientCertificate?.verify;
  };
  t.is(await verify(mine), "SUCCESS");
  t.regex(String(await verify(foreign)), /^FAILED:/);
  t.is(await verify({}), undefined);
});

test("tls server: where nobody asks, a client's certificate is not looked at", async (t) => {
  const { secured } = await meet(t, serverWith({ clientCa }), mine);
  t.is(secured && tlsFacts(secured, "none").clientCertificate, undefined);
});

test("tls server: a required client certificate holds for resumed sessions too", async (t) => {
  const first = await meet(t, serverWith({ clientCa }), mine, [], "require");
  const ticket = once(first.client, "session");
  first.secured?.write("x");
  first.client.resume();
  const [session] = (await ticket) as [Buffer];
  const again = await meet(t, serverWith({ clientCa }), { ...mine, session }, [], "require");
  t.is(again.secured && tlsFacts(again.secured, "require").clientCertificate?.verify, "SUCCESS");
  // A ticket from a server that asked for no certificate gets nobody past one that does.
  const open = await meet(t, serverWith());
  const openTicket = once(open.client, "session");
  open.secured?.write("x");
  open.client.resume();
  const [openSession] = (await openTicket) as [Buffer];
  const refused = await meet(t, serverWith({ clientCa }), { session: openSession }, [], "require");
  t.is(refused.failure?.kind, "tls-client-certificate");
});

for (const [title, act] of [
  ["garbage", (socket: Socket) => socket.write("a001 LOGIN alice s3cret\r\n")],
  ["a FIN", (socket: Socket) => socket.end()],
  ["a reset", (socket: Socket) => socket.resetAndDestroy()],
  ["half a ClientHello and a FIN", (socket: Socket) => socket.end(Buffer.from("160301010001", "hex"))],
  [
    "half a ClientHello and a reset",
    (socket: Socket) => socket.write(Buffer.from("160301010001", "hex"), () => socket.resetAndDestroy()),
  ],
] as const) {
  test(`tls server: ${title} instead of a handshake is a failure, and the socket is closed`, async (t) => {
    const [accepted, dialled] = await socketPair(t);
    const work = kindOf(serverWith().secure(accepted, [], "none"));
    act(dialled);
    dialled.resume();
    t.is(await work, "tls-handshake");
    t.true(accepted.destroyed);
  });
}
