import test from "ava";
import { Failure, Secret } from "@postern/contracts";
import type { RouteAnswer, RouteQuery } from "@postern/contracts";
import { createFakeClock, serveHttp, testPassword, testQuery, testSession, testTls } from "@postern/testing";
import { buildSources } from "./build.ts";
import type { HttpRouteValue } from "./settings.ts";
import { routeSourceSuite } from "./suite.ts";
import { askOnce, bodyOf, httpValue, sendJson } from "../test/helpers.ts";

const never = { positive: 0, negative: 0, unreachable: 0, stale: 0, size: 1 };

function source(urls: readonly string[], more: Partial<HttpRouteValue> = {}) {
  const value = httpValue(urls, { cache: never, ...more });
  const [made] = buildSources([value], { clock: createFakeClock(), hostname: "gate.example.com" });
  if (made === undefined) throw new Error("no source");
  return made;
}

interface Said {
  readonly status?: number;
  readonly type?: string;
  readonly body: string;
}

async function answered(
  { status = 200, type = "application/json", body }: Said,
  more: Partial<HttpRouteValue> = {},
  asked: RouteQuery = testQuery("alice", testPassword("alice", "pw")),
): Promise<RouteAnswer | Failure | undefined> {
  const server = await serveHttp((_request, response) => {
    response.writeHead(status, { "Content-Type": type });
    response.end(body);
  });
  return askOnce(source([server.url], more), server, asked);
}

const json = (value: unknown): Said => ({ body: JSON.stringify(value) });

async function down(said: Said, more: Partial<HttpRouteValue> = {}): Promise<string> {
  const got = await answered(said, more);
  return got instanceof Failure && got.kind === "source-down" ? got.message : `not down: ${JSON.stringify(got)}`;
}

routeSourceSuite(test, async () => {
  const homes = new Map([
    ["alice@example.com", ["mbx1"]],
    ["bob@example.com", ["mbx2", "mbx1"]],
  ]);
  const server = await serveHttp((request, response) => {
    void (async () => {
      const { user } = JSON.parse(await bodyOf(request)) as { user: string };
      const backends = homes.get(user);
      sendJson(response, backends === undefined ? 404 : 200, { backends });
    })();
  });
  return {
    source: source([server.url]),
    homes: {
      "alice@example.com": [{ backend: "mbx1" }],
      "bob@example.com": [{ backend: "mbx2" }, { backend: "mbx1" }],
    },
    stranger: { user: "eve@example.com", outcome: "unknown" as const },
    stop: () => server.stop(),
  };
});

async function asking(more: Partial<HttpRouteValue>, asked: RouteQuery): Promise<{ line: string; body: string }> {
  const seen = { line: "", body: "" };
  const server = await serveHttp((request, response) => {
    seen.line = `${request.method} ${request.url}`;
    void (async () => {
      seen.body = await bodyOf(request);
      sendJson(response, 200, { backends: ["mbx1"] });
    })();
  });
  const asker = source([`${server.url}?key=1`], more);
  await asker.find(asked);
  asker.close();
  await server.stop();
  return seen;
}

test("json source: asks by POST with who, over what, and from where, and without the password", async (t) => {
  const asked = testQuery("alice@example.com", testPassword("Alice", "geheim"), { session: testSession({ tls: testTls() }) });
  const { line, body } = await asking({}, asked);
  t.is(line, "POST /auth?key=1");
  t.deepEqual(JSON.parse(body), {
    user: "alice@example.com",
    protocol: "imap",
    gateway: "gate.example.com",
    session: "test1",
    client: { host: "192.0.2.7", port: 4711 },
    local: { host: "192.0.2.1", port: 143 },
    tls: { version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384", serverName: "mail.example.com" },
  });
});

test("json source: sends the login only when told so, and is then not to be remembered", async (t) => {
  const { body } = await asking({ sendPassword: true }, testQuery("alice@example.com", testPassword("Alice", "geheim")));
  t.deepEqual((JSON.parse(body) as { login: unknown }).login, {
    kind: "password",
    mechanism: "PLAIN",
    authcid: "Alice",
    authzid: "",
    secret: "geheim",
  });
  t.false(source(["http://127.0.0.1/"], { sendPassword: true }).cacheable);
  t.true(source(["http://127.0.0.1/"]).cacheable);
});

test("json source: asks by GET with a query that no name can break out of", async (t) => {
  const { line, body } = await asking({ method: "GET" }, testQuery("a&user=b#c d@example.com"));
  t.is(
    line,
    "GET /auth?key=1&user=a%26user%3Db%23c+d%40example.com&protocol=imap&gateway=gate.example.com&client=192.0.2.7&tls=",
  );
  t.is(body, "");
});

test("json source: an answer names backends in order, or an address", async (t) => {
  t.deepEqual(await answered(json({ backends: ["mbx2", "mbx1"] })), {
    candidates: [{ backend: "mbx2" }, { backend: "mbx1" }],
    why: "answered mbx2, mbx1",
  });
  t.like(await answered(json({ backend: "mbx1" })), { candidates: [{ backend: "mbx1" }] });
  t.like(await answered(json({ host: "2001:db8::1", port: 993 })), { candidates: [{ host: "2001:db8::1", port: 993 }] });
});

test("json source: an address is reached as the answer says, else as the setting says", async (t) => {
  const addresses = { tls: "starttls", allowPlaintext: false } as const;
  const at = (more: object) => answered(json({ host: "mbx1", port: 143, ...more }), { addresses });
  t.like(await at({}), { candidates: [{ host: "mbx1", port: 143, tls: "starttls" }] });
  t.like(await at({ tls: "implicit" }), { candidates: [{ host: "mbx1", port: 143, tls: "implicit" }] });
  t.regex(((await at({ tls: "maybe" })) as Failure).message, /"maybe" for tls; it is none, starttls or implicit/);
});

test("json source: an answer may name another user, and how long it lives", async (t) => {
  t.like(await answered(json({ backends: ["mbx1"], user: "jörg", ttl: 2.5, other: "ignored" })), {
    login: { user: "jörg" },
    ttlMs: 2500,
  });
});

test("json source: 404 is an unknown user", async (t) => {
  t.is(await answered({ status: 404, type: "text/html", body: "<h1>Not found</h1>" }), undefined);
});

test("json source: 403 is a refusal in the server's words", async (t) => {
  const plain = (await answered({ status: 403, type: "text/plain; charset=utf-8", body: "Closed\r\n* OK hacked" })) as Failure;
  t.is(plain.kind, "route-refused");
  t.is(plain.said?.text, "Closed  * OK hacked");
  const worded = (await answered({ ...json({ text: "Moved away", wait: 2 }), status: 403 })) as Failure;
  t.deepEqual([worded.said, worded.waitMs], [{ text: "Moved away" }, 2000]);
  const page = (await answered({ status: 403, type: "text/html", body: "<h1>no</h1>" })) as Failure;
  t.is(page.said, undefined);
});

test("json source: 401 is a wrong password only when the password was sent", async (t) => {
  const no = { status: 401, type: "text/plain", body: "Wrong password" };
  t.is(((await answered(no, { sendPassword: true })) as Failure).kind, "wrong-credentials");
  t.is(((await answered(no)) as Failure).kind, "source-down");
});

test("json source: takes a password for the backend only when somebody checked the client's", async (t) => {
  const master = json({ backends: ["mbx1"], user: "alice*master", password: "m1" });
  t.regex(await down(master), /nobody has checked the client's/);
  const checked = await answered(master, { sendPassword: true });
  t.is(checked instanceof Failure ? "" : checked?.login?.secret?.reveal().toString(), "m1");
  const proven = testSession({ identity: { user: "alice", proven: true } });
  t.false((await answered(master, {}, testQuery("alice", testPassword("alice", "pw"), { session: proven }))) instanceof Failure);
});

test("json source: whatever is no answer is a server that is down", async (t) => {
  t.regex(await down({ body: "{" }), /not JSON/);
  t.regex(await down({ body: "[]" }), /not an object/);
  t.regex(await down({ body: "null" }), /not an object/);
  t.regex(await down(json({})), /no list of names/);
  t.regex(await down(json({ backends: [] })), /no list of names/);
  t.regex(await down(json({ backends: "mbx1" })), /no list of names/);
  t.regex(await down(json({ backends: ["a\r\nb"] })), /"a\\r\\nb", which is no backend's name/);
  t.regex(await down(json({ backends: ["a"], host: "b", port: 1 })), /both/);
  t.regex(await down(json({ host: "b" })), /no port/);
  t.regex(await down(json({ host: "b", port: "143" })), /no port/);
  t.regex(await down(json({ backends: ["a"], user: "x\ny" })), /control character in user/);
  t.regex(await down(json({ backends: ["a"], user: 7 })), /user that is not text/);
  t.regex(await down(json({ backends: ["a"], ttl: "1h" })), /no number of seconds/);
  t.regex(await down({ status: 302, body: "" }), /status 302/);
  t.regex(await down({ status: 503, body: "" }), /status 503/);
});

test("json source: the next server is asked after an answer that is none", async (t) => {
  const bad = await serveHttp((_request, response) => response.end("oops"));
  const good = await serveHttp((_request, response) => sendJson(response, 200, { backends: ["mbx1"] }));
  const asker = source([bad.url, good.url]);
  t.like(await asker.find(testQuery("alice")), { candidates: [{ backend: "mbx1" }] });
  asker.close();
  await Promise.all([bad.stop(), good.stop()]);
});

test("json source: an exchange that the backend checks is not sent, and gets no password for the backend", async (t) => {
  const secret = new Secret("n,,n=alice,r=s3cret");
  const live = { kind: "live", mechanism: "SCRAM-SHA-256", authcid: "alice", authzid: "", secret } as const;
  const asked = testQuery("alice", { ...live, answer: () => Promise.resolve(Buffer.alloc(0)) });
  let body = "";
  const server = await serveHttp((request, response) => {
    void (async () => {
      body = await bodyOf(request);
      sendJson(response, 200, { backends: ["mbx1"], password: "backend-pw" });
    })();
  });
  const asker = source([server.url], { sendPassword: true });
  await t.throwsAsync(asker.find(asked), { message: /sent a password though nobody has checked the client's/ });
  t.notRegex(body, /login|s3cret/);
  asker.close();
  await server.stop();
});
