// curl against ConnectionAuth: Basic, Bearer, NTLM and Negotiate, with a real KDC for the last.

import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { newHash, ntHash } from "@postern/auth";
import { hasKdc, startKdc, type Kdc, type KerberosEnvironment } from "@postern/testing";
import anyTest, { type TestFn } from "ava";

interface World {
  readonly folder: string;
  readonly users: string;
  readonly kdc: Kdc | undefined;
  readonly servers: ChildProcess[];
}

const test = anyTest as TestFn<World>;
const run = promisify(execFile);
const PASSWORD = "s3cret: one";
/** Not for NTLM: curl widens its bytes, and makes no UTF-16 of them. */
const FRENCH = "s3cr\u00e8t";

test.before(async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "http-auth-"));
  const users = join(folder, "users");
  const hash = (password: string): string => newHash("sha512-crypt", Buffer.from(password));
  const lines = [`alice:${hash(PASSWORD)}:nt=${ntHash(PASSWORD).toString("hex")}`, `bob:${hash(FRENCH)}`];
  await writeFile(users, `${lines.join("\n")}\n`, { mode: 0o600 });
  const kdc = (await hasKdc()) ? await startKdc({ users: { alice: "kerberos one" } }) : undefined;
  t.context = { folder, users, kdc, servers: [] };
});

test.after.always(async ({ context: { folder, kdc, servers } }) => {
  for (const server of servers) {
    server.stdin?.end();
    if (server.exitCode === null) await once(server, "exit");
  }
  await kdc?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The URL of a server that offers these schemes; all that it can, where none are named. */
async function serve({ users, kdc, servers }: World, ...schemes: readonly string[]): Promise<string> {
  const program = join(import.meta.dirname, "auth-server.ts");
  const server = spawn(process.execPath, [program, users, kdc?.keytab ?? "", ...schemes], {
    env: { ...process.env, ...kdc?.environment },
    stdio: ["pipe", "pipe", "inherit"],
  });
  servers.push(server);
  const [port] = (await once(createInterface({ input: server.stdout }), "line")) as [string];
  return `http://localhost:${port}/`;
}

/** What curl shows: the bodies, one a line. */
async function curl(args: readonly string[], environment: KerberosEnvironment = {}): Promise<string[]> {
  const { stdout } = await run("curl", ["-sS", "--max-time", "20", "--noproxy", "*", ...args], {
    env: { ...process.env, ...environment },
  });
  return stdout.trimEnd().split("\n");
}

const IN = "alice@test.local on connection 1";

test("curl: without a login it is told what is offered", async (t) => {
  const url = await serve(t.context, "NTLM", "Bearer", "Basic");
  const lines = (await curl(["-i", url])).map((line) => line.trimEnd());
  t.is(lines[0], "HTTP/1.1 401 Unauthorized");
  t.deepEqual(
    lines.filter((line) => line.startsWith("WWW-Authenticate")),
    ["NTLM", 'Bearer realm="the test"', 'Basic realm="the test", charset="UTF-8"'].map((value) => `WWW-Authenticate: ${value}`),
  );
});

test("curl --basic: gets in with its password on each request, and not without", async (t) => {
  const url = await serve(t.context);
  t.deepEqual(await curl(["--basic", "-u", `alice:${PASSWORD}`, url, url]), [IN, IN]);
  t.deepEqual(await curl(["--basic", "-u", `bob:${FRENCH}`, url]), ["bob@test.local on connection 2"]);
  t.deepEqual(await curl(["--basic", "-u", "alice:wrong", url]), ["wrong-credentials"]);
  t.deepEqual(await curl(["--basic", "-u", `alice:${PASSWORD}`, url, "--next", "-sS", url]), [
    "alice@test.local on connection 4",
    "who are you?",
  ]);
});

test("curl --oauth2-bearer: gets in with its token, and learns that another is invalid", async (t) => {
  const url = await serve(t.context);
  t.deepEqual(await curl(["--oauth2-bearer", "right-token", url]), ["token@test.local on connection 1"]);
  const refused = await curl(["-i", "--oauth2-bearer", "wrong-token", url]);
  t.true(refused.some((line) => line.includes('error="invalid_token"')));
});

test("curl --ntlm: gets in, and the login holds for its connection", async (t) => {
  const url = await serve(t.context);
  t.deepEqual(await curl(["--ntlm", "-u", `alice:${PASSWORD}`, url, url, url]), [IN, IN, IN]);
  t.deepEqual(await curl(["--ntlm", "-u", `EXAMPLE\\alice:${PASSWORD}`, url]), ["alice@test.local on connection 2"]);
});

test("curl --ntlm: is refused with a wrong password, and as nobody", async (t) => {
  const url = await serve(t.context);
  for (const login of ["alice:wrong", "mallory:wrong"])
    t.deepEqual(await curl(["--ntlm", "-u", login, url]), ["wrong-credentials"]);
});

test("curl --ntlm: posts a body on the connection that it has logged in on", async (t) => {
  const url = await serve(t.context);
  const body = join(t.context.folder, "body");
  await writeFile(body, "x".repeat(200_000));
  t.deepEqual(await curl(["--ntlm", "-u", `alice:${PASSWORD}`, "--data-binary", `@${body}`, url, url]), [IN, IN]);
});

test("curl --anyauth: takes the strongest of what is offered", async (t) => {
  const url = await serve(t.context, "NTLM", "Basic");
  const { stderr } = await run("curl", [
    "-sv",
    "--max-time",
    "20",
    "--noproxy",
    "*",
    "--anyauth",
    "-u",
    `alice:${PASSWORD}`,
    url,
  ]);
  t.regex(stderr, /> Authorization: NTLM /);
  t.notRegex(stderr, /> Authorization: Basic /);
  t.regex(stderr, /< HTTP\/1\.1 200 /);
});

test("curl --negotiate: gets in with a ticket, the server proves itself, and the login holds for the connection", async (t) => {
  const { kdc } = t.context;
  if (kdc === undefined) return t.pass("no KDC is installed");
  const url = await serve(t.context);
  const ticket = await kdc.kinit("alice");
  t.deepEqual(await curl(["--negotiate", "-u", ":", url, url], ticket), [IN, IN]);
  const lines = await curl(["-i", "--negotiate", "-u", ":", url], ticket);
  t.true(
    lines.some((line) => /^WWW-Authenticate: Negotiate [A-Za-z0-9+/]{20,}=*\r?$/.test(line)),
    lines.join("\n"),
  );
});

test("curl --negotiate: is not let in without a ticket", async (t) => {
  const { kdc, folder } = t.context;
  if (kdc === undefined) return t.pass("no KDC is installed");
  const url = await serve(t.context);
  const environment = { ...(await kdc.kinit("alice")), KRB5CCNAME: `FILE:${join(folder, "nothing")}` };
  t.deepEqual(await curl(["--negotiate", "-u", ":", url], environment), ["who are you?"]);
});

test("curl --negotiate: a ticket for a key that is no longer there is refused", async (t) => {
  const { kdc } = t.context;
  if (kdc === undefined) return t.pass("no KDC is installed");
  const keytab = await kdc.writeKeytab(["HTTP/elsewhere"]);
  const url = await serve({ ...t.context, kdc: { ...kdc, keytab } });
  t.deepEqual(await curl(["--negotiate", "-u", ":", url], await kdc.kinit("alice")), ["wrong-credentials"]);
});
