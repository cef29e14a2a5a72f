// Logins of the web through the real program, by clients that we did not write: curl with NTLM and with Kerberos tickets, passed
// through to a server that checks NTLM with Samba and to Apache with mod_auth_gssapi, and checked by the gateway itself. Bearer
// tokens of a small OpenID provider.

import { connect } from "node:http2";
import { once } from "node:events";
import test from "ava";
import {
  startApache,
  startKdc,
  startNtlmServer,
  startOpenId,
  type Apache,
  type Kdc,
  type KerberosEnvironment,
  type NtlmServer,
  type OpenIdProvider,
} from "@postern/testing";
import { succeed } from "./clients.ts";
import { startGateway, type Gateway } from "./gateway-process.ts";
import { ALICE, authority, FILES } from "./mailboxes.ts";
import { negotiateMessage, PASSWORD } from "./ntlm-web-client.ts";
import { basic, runCurl, type Told } from "./curl.ts";
import { seen, startNodeWeb, type NodeWeb } from "./web.ts";

let kdc: Kdc;
let alice: KerberosEnvironment;
let bob: KerberosEnvironment;
let apache: Apache;
let samba: NtlmServer;
let openid: OpenIdProvider;
let node: NodeWeb;
let gateway: Gateway;
/** Checks logins itself, and names the user to its backend. */
let edge: Gateway;
/** Checks logins itself, and hands them on. */
let relaying: Gateway;

test.before(async () => {
  kdc = await startKdc({ users: { alice: "Alice-geheim-1", bob: "Bob-geheim-2" } });
  [alice, bob] = await Promise.all([kdc.kinit("alice"), kdc.kinit("bob")]);
  [apache, samba, openid, node] = await Promise.all([
    startApache(kdc),
    startNtlmServer({ name: "samba", password: PASSWORD }),
    startOpenId(),
    startNodeWeb(),
  ]);
  // The gateways inherit it.
  Object.assign(process.env, kdc.environment);
  const common = { listeners: { https: { protocol: "https", tls: "implicit" } }, files: FILES };
  const at = (port: number, login?: string) => ({ https: { url: `http://127.0.0.1:${port}`, ...(login && { login }) } });
  gateway = await startGateway({
    ...common,
    backends: { samba: at(samba.port), apache: at(apache.port) },
    routes: [{ source: "static", default: "samba" }],
    config: {
      workers: 2,
      https: {
        services: { tickets: { paths: ["/request", "/connection"], backends: ["apache"] }, other: { backends: ["samba"] } },
      },
    },
  });
  const hash = await succeed("openssl", ["passwd", "-6", "-stdin"], { input: `${PASSWORD}\n` });
  const verifiers = [
    { verifier: "kerberos", keytab: kdc.keytab, realms: { "TEST.LOCAL": "example.com" } },
    {
      verifier: "ntlm",
      domains: { EXAMPLE: "example.com" },
      command: ["ntlm_auth", "--helper-protocol=ntlm-server-1", `--password=${PASSWORD}`],
    },
    { verifier: "oauth", issuer: openid.issuer, audience: "mail", scope: "mail" },
    { verifier: "file", path: "users" },
  ];
  const atEdge = (login: string): Promise<Gateway> =>
    startGateway({
      ...common,
      backends: { node: at(node.port, login) },
      routes: [{ source: "static", default: "node" }],
      files: { ...FILES, users: `${ALICE}:${hash.toString().trim()}\n` },
      config: { workers: 2, authentication: { verifiers }, https: { defaultAuthentication: "edge" } },
    });
  [edge, relaying] = await Promise.all([atEdge("xclient"), atEdge("relay")]);
});

test.after.always(async () => {
  await Promise.all([gateway?.stop(), edge?.stop(), relaying?.stop()]);
  await Promise.all([apache?.stop(), samba?.stop(), openid?.stop(), node?.stop(), kdc?.stop()]);
});

interface Asking {
  readonly at?: Gateway;
  readonly env?: KerberosEnvironment;
}

const ask = (path: string, args: readonly string[], { at = gateway, env }: Asking = {}): Promise<Told> =>
  runCurl(at, [...args, `https://localhost:${at.port("https")}${path}`], { ...(env && { env }) });

const ntlm = (user: string, password = PASSWORD): readonly string[] => ["--ntlm", "-u", `EXAMPLE\\${user}:${password}`];
const ticket = (user: string): readonly string[] => ["--negotiate", "-u", `${user}@TEST.LOCAL:`];

for (const flag of ["--http1.1", "--http2"]) {
  test(`pass-through, ${flag}: curl logs in by NTLM, each time as who it is, and Samba knows`, async (t) => {
    for (const user of ["alice", "bob", "alice"]) {
      const answer = await ask("/private", [flag, ...ntlm(user)]);
      t.like(answer, { status: 200, version: "1.1", text: `${user} samba` });
      // Nothing of the login is left for the next one.
      t.is((await ask("/public", [flag])).text, "anonymous samba");
    }
    t.deepEqual(samba.mixUps, []);
  });

  test(`pass-through, ${flag}: Apache takes the tickets of curl, by request and by connection`, async (t) => {
    for (const path of ["/request/index", "/connection/index"]) {
      for (const [user, env] of [
        ["alice", alice],
        ["bob", bob],
      ] as const) {
        const answer = await ask(path, [flag, ...ticket(user)], { env });
        t.like(answer, { status: 200, version: "1.1", text: "ticket taken\n" });
        t.is(answer.field("x-user"), `${user}@TEST.LOCAL`);
        t.is((await ask(path, [flag])).status, 401);
      }
    }
  });

  test(`edge, ${flag}: curl logs in by ticket, NTLM, Basic and Bearer, and the backend is told who it is`, async (t) => {
    const token = openid.token(ALICE);
    for (const [args, env] of [
      [ticket("alice"), alice],
      [ntlm("alice"), undefined],
      [["-u", `${ALICE}:${PASSWORD}`], undefined],
      [["-H", `Authorization: Bearer ${token}`], undefined],
    ] as const) {
      const asking = { at: edge, ...(env && { env }) };
      const answer = await ask("/who?x=1", [flag, "-H", "X-Remote-User: root", "-H", "x_remote_user: root", ...args], asking);
      t.is(answer.status, 200, `${args.join(" ")} ${answer.head}`);
      t.deepEqual(seen(answer, "x-remote-user"), [ALICE]);
      t.deepEqual(seen(answer, "x_remote_user"), []);
      t.deepEqual(seen(answer, "authorization"), []);
    }
    t.false(edge.written().includes(token));
  });
}

test("pass-through: a wrong password is Samba's 401, and so is no ticket Apache's", async (t) => {
  const wrong = await ask("/private", ntlm("alice", "wrong"));
  t.is(wrong.status, 401);
  t.is((await ask("/request/index", ["--negotiate", "-u", ":"])).status, 401);
});

test("pass-through: one client that stays logs in once, and then is who it was", async (t) => {
  const logins = (): number => samba.connections.reduce((sum, connection) => sum + connection.logins, 0);
  const before = logins();
  const answer = await ask("/private", [...ntlm("bob"), `https://localhost:${gateway.port("https")}/private`]);
  t.regex(answer.text, /^bob sambaHTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nbob samba$/);
  t.is(logins(), before + 1);
});

test("HTTP/2: a login that belongs to a connection is sent back to HTTP/1.1, at the door and when the backend asks for it", async (t) => {
  const session = connect(`https://localhost:${gateway.port("https")}`, { ca: authority.cert });
  t.teardown(() => session.destroy());
  for (const headers of [{ authorization: `NTLM ${negotiateMessage()}` }, {}]) {
    const stream = session.request({ ":path": "/private", ...headers });
    await t.throwsAsync(once(stream, "response"), { message: /HTTP_1_1_REQUIRED/ });
  }
  // The connection itself is none the worse.
  const stream = session.request({ ":path": "/public" });
  const [head] = (await once(stream, "response")) as [Record<string, unknown>];
  t.is(head[":status"], 200);
});

test("edge: wrong passwords, tickets of nobody and tokens of others are refused with what is offered", async (t) => {
  for (const args of [
    ntlm("alice", "wrong"),
    ["-u", `${ALICE}:wrong`],
    ["-H", "Authorization: Bearer abc"],
    ["-H", "Authorization: Negotiate YII="],
    [],
  ]) {
    const answer = await ask("/who", args, { at: edge });
    t.is(answer.status, 401, args.join(" "));
    t.regex(answer.head, /^WWW-Authenticate: Basic realm="Mail"/im);
  }
});

test("edge: passwords and tokens are relayed; where that is all that backends take, no ticket is asked for", async (t) => {
  const token = openid.token(ALICE);
  for (const [args, relayed] of [
    [["-u", `${ALICE}:${PASSWORD}`], basic(ALICE, PASSWORD)],
    [["-H", `Authorization: Bearer ${token}`], `Bearer ${token}`],
  ] as const) {
    const answer = await ask("/who", ["-H", "X-Remote-User: root", ...args], { at: relaying });
    t.is(answer.status, 200);
    t.deepEqual(seen(answer, "authorization"), [relayed]);
    t.deepEqual(seen(answer, "x-remote-user"), []);
  }
  const asked = await ask("/who", ticket("bob"), { at: relaying, env: bob });
  t.is(asked.status, 401);
  t.notRegex(asked.head, /Negotiate|NTLM/);
});

test("edge: who has logged in by NTLM on one connection is not there on another", async (t) => {
  t.is((await ask("/who", ntlm("alice"), { at: edge })).status, 200);
  t.is((await ask("/who", [], { at: edge })).status, 401);
});
