import test from "ava";
import type { ExecutionContext } from "ava";
import * as fc from "fast-check";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import {
  Secret,
  systemClock,
  type Clock,
  type Failure,
  type FailureKind,
  type TokenCredentials,
  type Verdict,
  type Verifier,
} from "@postern/contracts";
import { parseEndpoint } from "@postern/lookup";
import { createHttpVerifier } from "./index.ts";
import type { HttpSettings } from "./settings.ts";
import { authenticatorOf } from "../authenticator.ts";
import { authenticatorSuite, failureOf, password, SESSION } from "../suite.ts";

const CONTEXT = { clock: systemClock, defaultDomain: "example.com" };
const SECRET = "s3cret-of-a-client";

function settings(urls: readonly string[], more: Partial<HttpSettings> = {}): HttpSettings {
  const url = urls.map((text) => {
    const parsed = parseEndpoint(text);
    if ("problem" in parsed) throw new Error(parsed.problem);
    return parsed.value;
  });
  return {
    url,
    dialect: "json",
    proves: ["password"],
    timeout: 5000,
    setAside: 10_000,
    connections: 32,
    keepAlive: true,
    headers: {},
    tls: { ca: undefined, verify: true },
    allowPlaintext: false,
    ...more,
  };
}

/** A server on loopback that ends with the test. */
async function serve(t: ExecutionContext, listener: RequestListener): Promise<string> {
  const server = createServer({ insecureHTTPParser: true }, listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/check`;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

function verifier(
  t: ExecutionContext,
  urls: readonly string[],
  more: Partial<HttpSettings> = {},
  clock: Clock = systemClock,
): Verifier {
  const made = createHttpVerifier(settings(urls, more), { ...CONTEXT, clock });
  t.teardown(() => made.close());
  return made;
}

interface Said {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const json = (value: unknown, status = 200): Said => ({
  status,
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(value),
});

async function asked(t: ExecutionContext, { status = 200, headers = {}, body = "" }: Said, more: Partial<HttpSettings> = {}) {
  const url = await serve(t, (request, response) => {
    request.resume();
    response.writeHead(status, headers).end(body);
  });
  const made = verifier(t, [url], more);
  return (credentials = password("Alice", SECRET)): Promise<Verdict | undefined> =>
    made.check?.(credentials, SESSION) ?? Promise.reject(new Error("no check"));
}

async function failed(t: ExecutionContext, said: Said, more: Partial<HttpSettings> = {}): Promise<Failure> {
  const failure = await failureOf(t, (await asked(t, said, more))());
  t.notRegex(`${failure.message} ${failure.said?.text ?? ""} ${String(failure.cause)}`, /s3cret/);
  return failure;
}

const token = (authcid: string): TokenCredentials => ({
  kind: "token",
  mechanism: "OAUTHBEARER",
  authcid,
  authzid: "",
  secret: new Secret(SECRET),
});

for (const dialect of ["json", "nginx"] as const) {
  authenticatorSuite(test, `http verifier in ${dialect}`, {
    proves: true,
    password: "right one",
    create: async (t) => {
      const url = await serve(t, (request, response) => {
        void (async () => {
          const body = await bodyOf(request);
          if (dialect === "nginx") {
            const right = request.headers["auth-pass"] === "right%20one";
            response.writeHead(200, { "Auth-Status": right ? "OK" : "Invalid login or password" }).end();
            return;
          }
          const { login } = JSON.parse(body) as { login: { secret: string } };
          response.end(JSON.stringify({ result: login.secret === "right one" ? "ok" : "wrong" }));
        })();
      });
      const made = verifier(t, [url], { dialect });
      return authenticatorOf(
        [made],
        false,
        { verifiers: [], cache: 0, actAs: [], rights: [], masterSeparator: undefined },
        {
          ...CONTEXT,
          secret: Buffer.alloc(32),
          logger: { error() {}, warn() {}, info() {}, debug() {}, isDebug: () => false },
        },
      );
    },
  });
}

test("http verifier: JSON tells who, with what, over what and from where, as route sources do", async (t) => {
  let got = {};
  const url = await serve(t, (request, response) => {
    void (async () => {
      got = { key: request.headers["x-key"], method: request.method, ...(JSON.parse(await bodyOf(request)) as object) };
      response.end('{"result":"ok"}');
    })();
  });
  const made = verifier(t, [url], { headers: { "X-Key": "k1" } });
  t.deepEqual(await made.check?.(password("Alice", SECRET), SESSION), { user: "Alice" });
  t.deepEqual(got, {
    key: "k1",
    method: "POST",
    user: "alice@example.com",
    protocol: "imap",
    session: "test",
    client: { host: "127.0.0.1", port: 50_000 },
    local: { host: "127.0.0.1", port: 143 },
    tls: null,
    login: { kind: "password", mechanism: "PLAIN", authcid: "Alice", authzid: "", secret: SECRET },
  });
  t.is(made.name, `http ${url}`);
});

test("http verifier: each result in JSON has its meaning", async (t) => {
  t.deepEqual(await (await asked(t, json({ result: "ok" })))(), { user: "Alice" });
  t.deepEqual(await (await asked(t, json({ result: "ok", user: "a2@example.org" })))(), { user: "a2@example.org" });
  t.is(await (await asked(t, json({ result: "unknown" })))(), undefined);
  t.is(await (await asked(t, { status: 404 }))(), undefined);
  const kinds: readonly (readonly [Said, FailureKind])[] = [
    [json({ result: "wrong" }), "wrong-credentials"],
    [json({ result: "forbidden" }), "not-authorized"],
    [json({ result: "expired" }), "credentials-expired"],
    [{ status: 401 }, "wrong-credentials"],
    [{ status: 403 }, "not-authorized"],
  ];
  for (const [said, kind] of kinds) t.is((await failed(t, said)).kind, kind);
});

test("http verifier: what is no answer is a verifier that is down, never a yes and never a wrong password", async (t) => {
  const noAnswers: readonly Said[] = [
    { body: "" },
    { body: "ok" },
    { body: '"ok"' },
    json([{ result: "ok" }]),
    json({}),
    json({ result: true }),
    json({ result: "OK" }),
    json({ result: "ok", user: 7 }),
    json({ result: "ok", user: "" }),
    json({ result: "ok", user: "bob\r\nx" }),
    json({ result: "ok" }, 201),
    json({ result: "ok" }, 500),
    json({ result: "ok" }, 302),
    { status: 400 },
    { status: 503 },
    { status: 401, headers: { "Content-Type": "application/json" }, body: "{" },
  ];
  for (const said of noAnswers) t.is((await failed(t, said)).kind, "verifier-down", JSON.stringify(said));
});

test("http verifier: no body makes a yes but an object whose result is ok", async (t) => {
  let body = "";
  const url = await serve(t, (request, response) => {
    request.resume();
    response.end(body);
  });
  const made = verifier(t, [url]);
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(fc.json(), fc.string(), fc.constantFrom("null", "[]", '{"result":["ok"]}', '{"result":{}}')),
      async (text) => {
        body = text;
        const failure = await failureOf(t, made.check?.(password("alice", SECRET), SESSION) ?? Promise.resolve());
        return failure.kind === "verifier-down";
      },
    ),
    { numRuns: 100 },
  );
});

test("http verifier: a server's words and its wait reach the client, but not with a wrong password", async (t) => {
  const words = { text: "Account\r\nlocked", wait: 3 };
  t.like(await failed(t, json({ result: "forbidden", ...words })), { said: { text: "Account  locked" }, waitMs: 3000 });
  t.like(await failed(t, json({ result: "wrong", ...words })), { said: undefined, waitMs: 3000 });
});

test("http verifier: a server that is down or hangs is not a wrong password; the next one is asked", async (t) => {
  const hangs = await serve(t, (request) => request.resume());
  const yes = await serve(t, (request, response) => {
    request.resume();
    response.end('{"result":"ok"}');
  });
  const closed = await serve(t, (request) => request.socket.destroy());
  const alone = verifier(t, [hangs], { timeout: 100 });
  const failure = await failureOf(t, alone.check?.(password("alice", SECRET), SESSION) ?? Promise.resolve());
  t.is(failure.kind, "verifier-down");
  t.regex(failure.message, /no answer within 100ms/);
  const three = verifier(t, [closed, hangs, yes], { timeout: 100 });
  t.deepEqual(await three.check?.(password("alice", SECRET), SESSION), { user: "alice" });
});

test("http verifier: a token goes as a token; without a name the server must say whose it is", async (t) => {
  const tokens = { proves: ["token"] } as const;
  const named = verifier(
    t,
    [await serve(t, (request, response) => void (request.resume(), response.end('{"result":"ok"}')))],
    tokens,
  );
  t.deepEqual(named.proves, ["token"]);
  t.deepEqual(await named.check?.(token("alice"), SESSION), { user: "alice" });
  const failure = await failureOf(t, named.check?.(token(""), SESSION) ?? Promise.resolve());
  t.is(failure.kind, "verifier-down");
  const whose = verifier(
    t,
    [await serve(t, (request, response) => void (request.resume(), response.end('{"result":"ok","user":"alice"}')))],
    tokens,
  );
  t.deepEqual(await whose.check?.(token(""), SESSION), { user: "alice" });
});

test("http verifier: a password that JSON cannot say is refused, not changed", async (t) => {
  const ask = await asked(t, json({ result: "ok" }));
  const odd = { ...password("alice", ""), secret: new Secret(Buffer.from([0xff, 0xfe, 0x41])) };
  t.is((await failureOf(t, ask(odd))).kind, "wrong-credentials");
});

test("http verifier: in nginx's dialect Auth-User renames, and where to go does not count", async (t) => {
  const nginx = { dialect: "nginx" } as const;
  const headers = { "Auth-Status": "OK", "Auth-Server": "not an address", "Auth-Pass": "x" };
  t.deepEqual(await (await asked(t, { headers }, nginx))(), { user: "Alice" });
  t.deepEqual(await (await asked(t, { headers: { ...headers, "Auth-User": "a2" } }, nginx))(), { user: "a2" });
});

test("http verifier: in nginx's dialect a no has the server's words and wait", async (t) => {
  const failure = await failed(t, { headers: { "Auth-Status": "Go away", "Auth-Wait": "3" } }, { dialect: "nginx" });
  t.like(failure, { kind: "wrong-credentials", said: { text: "Go away" }, waitMs: 3000 });
  t.is((await failed(t, { status: 502 }, { dialect: "nginx" })).kind, "verifier-down");
});

test("http verifier: in nginx's dialect an answer without Auth-Status is no yes, whatever its status", async (t) => {
  for (const status of [200, 204, 404])
    t.is((await failed(t, { status }, { dialect: "nginx" })).kind, "verifier-down", String(status));
});

test("http verifier: passwords leave the machine in clear only when told so", (t) => {
  const build =
    (url: string, more: Partial<HttpSettings> = {}) =>
    () =>
      createHttpVerifier(settings([url], more), CONTEXT).close();
  for (const dialect of ["json", "nginx"] as const) {
    t.throws(build("http://10.0.0.9/check", { dialect }), {
      message: /^url: http:\/\/10\.0\.0\.9\/check would get passwords in clear/,
    });
    t.notThrows(build("http://10.0.0.9/check", { dialect, allowPlaintext: true }));
    t.notThrows(build("https://10.0.0.9/check", { dialect }));
  }
  t.throws(build("http://127.0.0.1/", { proves: [] }), { message: /^proves: name password, token, or both/ });
  t.throws(build("http://127.0.0.1/", { headers: { Host: "x" } }), { message: /^headers: Host is set by the gateway/ });
  t.throws(() => createHttpVerifier(settings([]), CONTEXT), { message: /^url: name at least one server/ });
});
