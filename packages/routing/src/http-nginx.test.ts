import test from "ava";
import { Failure, Secret } from "@postern/contracts";
import type { Clock, Credentials, RouteAnswer, RouteQuery } from "@postern/contracts";
import { createFakeClock, serveHttp, serveRaw, testPassword, testQuery, testSession } from "@postern/testing";
import { buildSources } from "./build.ts";
import type { HttpRouteValue } from "./settings.ts";
import { routeSourceSuite } from "./suite.ts";
import { askOnce, headerPairs, httpValue } from "../test/helpers.ts";

function source(urls: readonly string[], more: Partial<HttpRouteValue> = {}, clock: Clock = createFakeClock()) {
  const [made] = buildSources([httpValue(urls, { dialect: "nginx", ...more })], { clock, hostname: "gate.example.com" });
  if (made === undefined) throw new Error("no source");
  return made;
}

const OK = "HTTP/1.0 200 OK\r\nAuth-Status: OK\r\nAuth-Server: 192.0.2.11\r\nAuth-Port: 143\r\n";

/** What the source makes of these lines of an answer. */
async function answered(
  lines: string,
  asked: RouteQuery = testQuery("alice", testPassword("alice", "pw")),
  more: Partial<HttpRouteValue> = {},
): Promise<RouteAnswer | Failure> {
  const server = await serveRaw((_head, socket) => socket.end(Buffer.from(`${lines}\r\n`, "latin1")));
  const got = await askOnce(source([server.url], more), server, asked);
  if (got === undefined) throw new Error("the nginx dialect has no word for unknown");
  return got;
}

async function failed(lines: string, asked?: RouteQuery): Promise<Failure> {
  const got = await answered(lines, asked);
  if (got instanceof Failure) return got;
  throw new Error(`answered ${got.why}`);
}

routeSourceSuite(test, async () => {
  const homes = new Map([
    ["alice@example.com", "192.0.2.11"],
    ["bob@example.com", "192.0.2.12"],
  ]);
  const server = await serveHttp((request, response) => {
    const home = homes.get(decodeURIComponent(headerPairs(request).get("auth-user") ?? ""));
    if (home === undefined) response.setHeader("Auth-Status", "Invalid login or password");
    else
      for (const [name, value] of [
        ["Auth-Status", "OK"],
        ["Auth-Server", home],
        ["Auth-Port", "143"],
      ] as const)
        response.setHeader(name, value);
    response.end();
  });
  return {
    source: source([server.url]),
    homes: {
      "alice@example.com": [{ host: "192.0.2.11", port: 143 }],
      "bob@example.com": [{ host: "192.0.2.12", port: 143 }],
    },
    stranger: { user: "eve@example.com", outcome: "refused" as const },
    stop: () => server.stop(),
  };
});

test("nginx source: an answer names an address, and nothing of it is remembered", async (t) => {
  const got = await answered(OK);
  t.deepEqual(got, { candidates: [{ host: "192.0.2.11", port: 143 }], why: "Auth-Server 192.0.2.11, Auth-Port 143" });
  t.false(source(["http://127.0.0.1/"]).cacheable);
});

test("nginx source: takes IPv6 addresses and host names", async (t) => {
  const server = (name: string) => answered(OK.replace("192.0.2.11", name));
  t.like(await server("[2001:db8::1]"), { candidates: [{ host: "2001:db8::1", port: 143 }] });
  t.like(await server("2001:db8::1"), { candidates: [{ host: "2001:db8::1", port: 143 }] });
  t.like(await server("mbx1.example.com"), { candidates: [{ host: "mbx1.example.com", port: 143 }] });
});

test("nginx source: an address is reached as the setting says", async (t) => {
  const addresses = { tls: "implicit", allowPlaintext: true } as const;
  t.like(await answered(OK, undefined, { addresses }), {
    candidates: [{ host: "192.0.2.11", port: 143, tls: "implicit", allowPlaintext: true }],
  });
});

test("nginx source: judges by headers as nginx does, not by the status line", async (t) => {
  t.like(await answered(OK.replace("200 OK", "404 Not Found")), { candidates: [{ host: "192.0.2.11", port: 143 }] });
  t.like(await answered("HTTP/1.0 200 OK\r\nauth-server: 192.0.2.11\r\nAUTH-PORT: 143\r\n"), {
    candidates: [{ host: "192.0.2.11", port: 143 }],
  });
  t.is((await failed("HTTP/1.0 500 Oops\r\nAuth-Status: Invalid\r\nAuth-Wait: 3\r\n")).kind, "wrong-credentials");
  t.is((await failed(OK.replace("Auth-Status: OK", "Auth-Status: ok"))).kind, "wrong-credentials");
});

test("nginx source: a refusal has the server's words and its wait", async (t) => {
  const failure = await failed("HTTP/1.0 200 OK\r\nAuth-Status: Invalid login or password\r\nAuth-Wait: 3\r\n");
  t.is(failure.kind, "wrong-credentials");
  t.deepEqual(failure.said, { text: "Invalid login or password" });
  t.is(failure.waitMs, 3000);
  t.is((await failed("HTTP/1.0 200 OK\r\nAuth-Status: No\r\nAuth-Wait: 99999999999\r\n")).waitMs, 300_000);
  t.is((await failed("HTTP/1.0 200 OK\r\nAuth-Status: No\r\nAuth-Wait: -1\r\n")).waitMs, 0);
});

test("nginx source: no other Auth-Status heals a refusal", async (t) => {
  const refused = OK.replace("Auth-Status: OK", "Auth-Status: Locked\r\nAuth-Status: OK");
  t.is((await failed(refused)).said?.text, "Locked");
  t.is((await failed(OK.replace("Auth-Status: OK", "Auth-Status:"))).kind, "wrong-credentials");
});

test("nginx source: a leading response code is one; Auth-Error-Code counts for SMTP only", async (t) => {
  const lines = "HTTP/1.0 200 OK\r\nAuth-Status: [ALERT] Locked\r\nAuth-Error-Code: 450 4.7.0\r\n";
  const imap = await failed(lines);
  t.deepEqual([imap.kind, imap.said], ["wrong-credentials", { code: "ALERT", text: "Locked" }]);
  const smtp = (code: string) =>
    failed(lines.replace("450 4.7.0", code), testQuery("u", testPassword("u", "p"), { protocol: "submission" }));
  t.deepEqual((await smtp("450 4.7.0")).said, { code: "450 4.7.0", text: "[ALERT] Locked" });
  t.is((await smtp("450 4.7.0")).kind, "source-down");
  t.is((await smtp("535 5.7.8")).kind, "wrong-credentials");
  t.deepEqual((await smtp("250 OK")).said, { text: "[ALERT] Locked" });
});

test("nginx source: a temporary refusal is an answer: the next server is not asked", async (t) => {
  const first = await serveRaw((_head, socket) =>
    socket.end("HTTP/1.0 200 OK\r\nAuth-Status: Busy\r\nAuth-Error-Code: 451\r\n\r\n"),
  );
  const second = await serveRaw((_head, socket) => socket.end(`${OK}\r\n`));
  const asker = source([first.url, second.url]);
  const asked = asker.find(testQuery("u", testPassword("u", "p"), { protocol: "smtp" }));
  const failure = await t.throwsAsync(asked, { instanceOf: Failure });
  t.deepEqual(failure.said, { code: "451", text: "Busy" });
  t.is(second.connections(), 0);
  await Promise.all([first.stop(), second.stop()]);
});

test("nginx source: an answer without server or port, or with a wrong one, is a server that is down", async (t) => {
  const bad = [
    ["HTTP/1.0 200 OK\r\nAuth-Status: OK\r\nAuth-Port: 143\r\n", /did not send Auth-Server or Auth-Port \(status 200\)/],
    ["HTTP/1.0 200 OK\r\nAuth-Status: OK\r\nAuth-Server: 192.0.2.1\r\n", /did not send Auth-Server or Auth-Port/],
    ["HTTP/1.0 502 Bad Gateway\r\nAuth-Server: 192.0.2.1\r\nAuth-Port: 1\r\n", /status 502/],
    [OK.replace("143", "0"), /"0", which is no port/],
    [OK.replace("143", "65536"), /no port/],
    [OK.replace("143", "1e3"), /no port/],
    [OK.replace("192.0.2.11", "unix:/run/x"), /no address and no host name/],
    [OK.replace("192.0.2.11", "a b"), /no address and no host name/],
    [OK.replace("192.0.2.11", "2001:db8:::1"), /no address and no host name/],
  ] as const;
  for (const [lines, reason] of bad) {
    const failure = await failed(lines);
    t.is(failure.kind, "source-down", lines);
    t.regex(failure.message, reason);
  }
});

test("nginx source: logs in with the user and password of the answer, bytes as they came", async (t) => {
  const got = await answered(`${OK}Auth-User: j\xc3\xb6rg\r\nAuth-Pass: p\xe4ss wort \r\n`);
  if (got instanceof Failure) throw got;
  t.is(got.login?.user, "jörg");
  t.deepEqual(got.login?.secret?.reveal(), Buffer.from("p\xe4ss wort", "latin1"));
});

test("nginx source: control characters in an answer neither reach the backend nor the client", async (t) => {
  t.is((await failed(`${OK}Auth-User: a\tb\r\n`)).message.includes("control character in Auth-User"), true);
  t.is((await failed(`${OK}Auth-Pass: a\tb\r\n`)).message.includes("control character in Auth-Pass"), true);
  t.is((await failed(`${OK}Auth-User:\r\n`)).message.includes("empty Auth-User"), true);
  t.is((await failed(`${OK}Auth-User: a\0b\r\n`)).kind, "source-down");
  t.is((await failed(`${OK}Auth-User: a\rb\r\n`)).kind, "source-down");
  t.is((await failed("HTTP/1.0 200 OK\r\nAuth-Status: No\tway\r\n")).said?.text, "No way");
  t.is((await failed(`HTTP/1.0 200 OK\r\nAuth-Status: ${"x".repeat(2000)}\r\n`)).said?.text.length, 300);
});

test("nginx source: a digest needs a password in the answer", async (t) => {
  const secret = new Secret("d41d8cd98f00b204e9800998ecf8427e");
  const digest: Credentials = { kind: "digest", mechanism: "CRAM-MD5", authcid: "u", authzid: "", secret, salt: "<1@x>" };
  t.regex((await failed(OK, testQuery("u", digest))).message, /did not send Auth-Pass/);
  t.false((await answered(`${OK}Auth-Pass: clear\r\n`, testQuery("u", digest))) instanceof Failure);
});

test("nginx source: Auth-Error-SASL is the last challenge of a token, and of nothing else", async (t) => {
  const lines = `HTTP/1.0 200 OK\r\nAuth-Status: No\r\nAuth-Error-SASL: ${Buffer.from('{"status":"400"}').toString("base64")}\r\n`;
  const token: Credentials = { kind: "token", mechanism: "XOAUTH2", authcid: "u", authzid: "", secret: new Secret("t") };
  t.is((await failed(lines, testQuery("u", token))).challenge?.toString(), '{"status":"400"}');
  t.is((await failed(lines)).challenge, undefined);
});

test("nginx source: refuses to act for another user, which the dialect cannot say", async (t) => {
  const asker = source(["http://127.0.0.1:1/"]);
  const other = asker.find(testQuery("victim@example.com", testPassword("mallory", "pw", { authzid: "victim@example.com" })));
  t.is((await t.throwsAsync<Failure>(other)).kind, "not-authorized");
  const self = asker.find(testQuery("alice", testPassword("Alice", "pw", { authzid: "alice" })));
  t.is((await t.throwsAsync<Failure>(self)).kind, "source-down");
});

test("nginx source: WAIT asks again after the wait, but not for ever", async (t) => {
  const time = createFakeClock();
  /** Moves on by itself when the source waits. */
  const clock: Clock = {
    now: () => time.now(),
    after(ms, task) {
      const timer = time.after(ms, task);
      if (ms === 7000) void time.advance(ms);
      return timer;
    },
  };
  let heads = 0;
  let waits = 2;
  const server = await serveHttp((_request, response) => {
    heads += 1;
    waits -= 1;
    response.setHeader("Auth-Status", waits >= 0 ? "WAIT" : "OK");
    response.setHeader("Auth-Wait", "7");
    response.setHeader("Auth-Server", "192.0.2.11");
    response.setHeader("Auth-Port", "143");
    response.end();
  });
  const asker = source([server.url], { keepAlive: false }, clock);
  const patient = asker.find(testQuery("u", testPassword("u", "p")));
  t.truthy(await patient);
  t.is(heads, 3);

  waits = 1000;
  heads = 0;
  const endless = asker.find(testQuery("u", testPassword("u", "p")));
  t.regex((await t.throwsAsync<Failure>(endless)).message, /WAIT 10 times/);
  t.is(heads, 10);
  asker.close();
  await server.stop();
});

test("nginx source: sends the administrator's own headers, and the Host of the URL", async (t) => {
  const seen: string[] = [];
  const server = await serveHttp((request, response) => {
    seen.push(`${request.method} ${request.url} ${String(request.headers["x-auth-key"])} ${request.headers.host}`);
    response.end();
  });
  const asker = source([server.url], { headers: { "X-Auth-Key": "k1" } });
  await t.throwsAsync(asker.find(testQuery("u", testPassword("u", "p"), { session: testSession() })));
  t.deepEqual(seen, [`GET /auth k1 127.0.0.1:${server.port}`]);
  asker.close();
  await server.stop();
});

const named = { mechanism: "SCRAM-SHA-256", authcid: "alice", authzid: "", secret: new Secret("n,,n=alice,r=x") };

test("nginx source: a client whom nobody has checked yet gets no password for the backend", async (t) => {
  const live: Credentials = { ...named, kind: "live", answer: () => Promise.resolve(Buffer.alloc(0)) };
  const given = await failed(`${OK}Auth-Pass: backend-pw\r\n`, testQuery("alice", live));
  t.is(given.kind, "source-down");
  t.notRegex(given.message, /backend-pw/);
  t.like(await answered(OK, testQuery("alice", live)), { candidates: [{ host: "192.0.2.11", port: 143 }] });
});

test("nginx source: whom the gateway has checked needs no password for the backend, and may get one", async (t) => {
  const proven: Credentials = { ...named, kind: "proven", user: "alice" };
  t.like(await answered(OK, testQuery("alice", proven)), { candidates: [{ host: "192.0.2.11", port: 143 }] });
  const checked = testSession({ identity: { user: "alice", proven: true } });
  const got = await answered(`${OK}Auth-Pass: pw\r\n`, testQuery("alice", proven, { session: checked }));
  t.is(got instanceof Failure ? got.message : got.login?.secret?.reveal().toString(), "pw");
});
