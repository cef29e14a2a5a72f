import test from "ava";
import { createAuthority, issue } from "@postern/certs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { Failure, systemClock } from "@postern/contracts";
import { createFakeClock, serveHttp, serveRaw } from "@postern/testing";
import type { TestServer } from "@postern/testing";
import { parseEndpoint } from "./endpoint.ts";
import { HttpClient } from "./http-client.ts";
import type { HttpAnswer, HttpClientOptions } from "./http-client.ts";

const GET = { method: "GET", headers: {} } as const;
const text = (answer: HttpAnswer): string => `${answer.status} ${answer.body.toString()}`;

function client(urls: readonly string[], more: Partial<HttpClientOptions> = {}): HttpClient {
  const endpoints = urls.map((url) => {
    const parsed = parseEndpoint(url);
    if ("problem" in parsed) throw new Error(parsed.problem);
    return parsed.value;
  });
  return new HttpClient({
    endpoints,
    timeoutMs: 5000,
    setAsideMs: 10_000,
    connections: 4,
    keepAlive: true,
    ca: undefined,
    verify: true,
    ignoreBody: false,
    clock: systemClock,
    ...more,
  });
}

async function down(asked: Promise<unknown>): Promise<string> {
  try {
    await asked;
  } catch (error) {
    if (error instanceof Failure && error.kind === "source-down") return error.message;
    throw error;
  }
  throw new Error("it was answered");
}

/** A port on which nobody listens: one that was just closed. */
async function deadUrl(): Promise<string> {
  const server = await serveHttp(() => {});
  await server.stop();
  return server.url;
}

const named = (name: string): Promise<TestServer> => serveHttp((_request, response) => response.end(name));

test("http client: keeps the connection for the next look-up", async (t) => {
  const server = await named("a");
  const asker = client([server.url]);
  for (let i = 0; i < 5; i += 1) t.is(await asker.ask(GET, text), "200 a");
  t.is(server.connections(), 1);
  asker.close();
  await server.stop();
});

test("http client: without keepAlive each look-up has its own connection", async (t) => {
  const server = await named("a");
  const asker = client([server.url], { keepAlive: false });
  for (let i = 0; i < 3; i += 1) await asker.ask(GET, text);
  t.is(server.connections(), 3);
  await server.stop();
});

test("http client: asks the next server when one is down, and the failed one last for a while", async (t) => {
  const clock = createFakeClock();
  const seen: string[] = [];
  let broken = true;
  const first = await serveHttp((_request, response) => {
    seen.push("first");
    if (broken) response.destroy();
    else response.end("first");
  });
  const second = await named("second");
  const asker = client([first.url, second.url], { clock });
  t.is(await asker.ask(GET, text), "200 second");
  t.is(await asker.ask(GET, text), "200 second");
  t.is(seen.length, 1);
  broken = false;
  await clock.advance(10_001);
  t.is(await asker.ask(GET, text), "200 first");
  asker.close();
  await Promise.all([first.stop(), second.stop()]);
});

test("http client: tries a server that was set aside when no other answers, and says what each did", async (t) => {
  const [one, two] = [await deadUrl(), await deadUrl()];
  const asker = client([one, two], { clock: createFakeClock() });
  const reason = await down(asker.ask(GET, text));
  t.regex(reason, /^http:\/\/127\.0\.0\.1:\d+\/auth: connect ECONNREFUSED.*; http:\/\/127.*ECONNREFUSED/);
  t.regex(await down(asker.ask(GET, text)), /ECONNREFUSED.*; .*ECONNREFUSED/);
});

test("http client: a server that does not answer in time is down", async (t) => {
  const clock = createFakeClock();
  const arrived = Promise.withResolvers<void>();
  const server = await serveHttp(() => arrived.resolve());
  const asker = client([server.url], { clock });
  const asked = down(asker.ask(GET, text));
  await arrived.promise;
  await clock.advance(5001);
  t.regex(await asked, /no answer within 5s/);
  t.is(clock.pending, 0);
  await server.stop();
});

test("http client: the deadline covers a body that trickles", async (t) => {
  const clock = createFakeClock();
  const server = await serveHttp((_request, response) => void response.write("x"));
  const headSeen = Promise.withResolvers<void>();
  const asker = client([server.url], { clock });
  const asked = down(asker.ask(GET, text));
  setTimeout(() => headSeen.resolve(), 50);
  await headSeen.promise;
  await clock.advance(5001);
  t.regex(await asked, /no answer within 5s/);
  await server.stop();
});

test("http client: refuses heads and bodies that do not end", async (t) => {
  const head = await serveRaw((_head, socket) => {
    socket.write("HTTP/1.1 200 OK\r\n");
    for (let i = 0; i < 40; i += 1) socket.write(`X-${i}: ${"x".repeat(1000)}\r\n`);
  });
  t.regex(await down(client([head.url]).ask(GET, text)), /Header overflow/i);
  const body = await serveHttp((_request, response) => {
    for (let i = 0; i < 100; i += 1) response.write("x".repeat(10_000));
  });
  t.regex(await down(client([body.url]).ask(GET, text)), /longer than 65536 bytes/);
  await Promise.all([head.stop(), body.stop()]);
});

test("http client: what is not HTTP is a server that is down, and its bytes are not in the error", async (t) => {
  const server = await serveRaw((_head, socket) => socket.end("HTTP/1.1 200 OK\r\nAuth-Pass: geheim\0x\r\n\r\n"));
  const failure = await t.throwsAsync(client([server.url]).ask(GET, text), { instanceOf: Failure });
  t.is(failure.kind, "source-down");
  t.false(failure.message.includes("geheim"));
  t.is(failure.cause, undefined);
  await server.stop();
});

test("http client: asks again on a new connection when the server had closed the kept one", async (t) => {
  let heads = 0;
  const server = await serveRaw((_head, socket) => {
    heads += 1;
    if (heads === 2) socket.destroy();
    else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  });
  const asker = client([server.url]);
  t.is(await asker.ask(GET, text), "200 ok");
  t.is(await asker.ask(GET, text), "200 ok");
  t.is(heads, 3);
  asker.close();
  await server.stop();
});

test("http client: an answer that nobody asked for does not answer the next question", async (t) => {
  let heads = 0;
  const server = await serveRaw((_head, socket) => {
    heads += 1;
    const answer = (body: string): string => `HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n${body}`;
    socket.write(heads === 1 ? answer("mine") + answer("evil") : answer("next"));
  });
  const asker = client([server.url]);
  const first = await asker.ask(GET, text).catch(() => "refused");
  t.true(["200 mine", "refused"].includes(first));
  t.is(await asker.ask(GET, text), "200 next");
  asker.close();
  await server.stop();
});

test("http client: follows no redirect", async (t) => {
  const server = await serveHttp((request, response) => {
    if (request.url === "/auth") response.writeHead(302, { Location: "/other" });
    response.end();
  });
  t.is(await client([server.url]).ask(GET, text), "302 ");
  await server.stop();
});

test("http client: only so many connections at a time, and only so many look-ups waiting", async (t) => {
  let open = 0;
  let most = 0;
  const server = await serveHttp((_request, response) => {
    open += 1;
    most = Math.max(most, open);
    setImmediate(() => {
      open -= 1;
      response.end("a");
    });
  });
  const asker = client([server.url], { connections: 2 });
  const asked = Array.from({ length: 41 }, () => asker.ask(GET, text).catch((error: Failure) => error.message));
  const answers = await Promise.all(asked);
  t.is(answers.filter((answer) => answer === "200 a").length, 40);
  t.is(answers[40], "40 look-ups are waiting already");
  t.true(most <= 2);
  t.is(await asker.ask(GET, text), "200 a");
  asker.close();
  await server.stop();
});

test("http client: speaks TLS, trusts the given authority, and checks the name", async (t) => {
  const authority = createAuthority("Test authority");
  const listen = async (names: string[]): Promise<{ url: string; stop: () => void }> => {
    const { cert, key } = issue(authority, { names });
    const server = createServer({ cert, key }, (_request, response) => response.end("secure"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const stop = (): void => {
      server.close();
      server.closeAllConnections();
    };
    return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}/`, stop };
  };
  const right = await listen(["127.0.0.1"]);
  const wrong = await listen(["other.example"]);
  t.is(await client([right.url], { ca: authority.cert, keepAlive: false }).ask(GET, text), "200 secure");
  t.regex(await down(client([right.url], { keepAlive: false }).ask(GET, text)), /certificate/i);
  t.regex(await down(client([wrong.url], { ca: authority.cert }).ask(GET, text)), /altnames|does not match/i);
  t.is(await client([wrong.url], { verify: false, keepAlive: false }).ask(GET, text), "200 secure");
  right.stop();
  wrong.stop();
});

test("endpoint: takes URLs, nginx's spellings and unix sockets, and hides user name, password and query", (t) => {
  const parse = (raw: string): string => {
    const parsed = parseEndpoint(raw);
    if ("problem" in parsed) return "refused";
    const { label, secure, host, port, socketPath, path, auth } = parsed.value;
    return [label, secure ? "tls" : "plain", host, port, socketPath ?? "-", path, auth ?? "-"].join(" ");
  };
  t.is(parse("http://127.0.0.1:9000/auth?k=1"), "http://127.0.0.1:9000/auth plain 127.0.0.1 9000 - /auth?k=1 -");
  t.is(parse("https://gate:s%40cret@[2001:db8::1]/x"), "https://[2001:db8::1]/x tls 2001:db8::1 443 - /x gate:s@cret");
  t.is(parse("localhost:9000/auth"), "http://localhost:9000/auth plain localhost 9000 - /auth -");
  t.is(parse("unix:/run/auth.sock:/auth"), "unix:/run/auth.sock:/auth plain  0 /run/auth.sock /auth -");
  t.is(parse("http://unix:/run/auth.sock"), "unix:/run/auth.sock:/ plain  0 /run/auth.sock / -");
  for (const bad of ["ftp://a/", "http://", "http://a b/", "http://a/\r\nX: y", "http://a%zz:b@c/", ""])
    t.is(parse(bad), "refused", bad);
});
