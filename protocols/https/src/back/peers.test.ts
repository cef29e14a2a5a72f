import test from "ava";
import { createAuthority, issue } from "@postern/certs";
import type { Leg } from "@postern/contracts";
import { createFakeClock, createMemoryLogger, serveHttp, testLeg, testSession } from "@postern/testing";
import { backScene, get, HELLO, kindOf, Recorder, TestBody } from "../../test/back-scene.ts";
import { until } from "../../test/until.ts";
import type { Backs, BackRequest } from "../backends.ts";
import { createBacks } from "./backs.ts";

const authority = createAuthority("Backend authority");
const certificate = issue(authority, { names: ["mbx.example.com", "127.0.0.1"] });
const TLS: Partial<Leg> = { tls: "implicit", ca: authority.cert };

/** Connections to a server that is not this package's own. */
function backs(): Backs {
  return createBacks({
    clock: createFakeClock(),
    logger: createMemoryLogger(),
    health: {
      facts: () => ({ state: "up", since: 0, evidence: "" }),
      order: (legs) => legs,
      succeeded: () => {},
      failed: () => {},
    },
    settings: { perBackend: 100, idle: 4000, idlePerBackend: 10, wait: 10_000 },
  });
}

async function answerOf(from: Backs, leg: Leg, request: BackRequest, body?: TestBody): Promise<Recorder> {
  const taker = new Recorder();
  (await from.take(leg, testSession(), false)).ask(request, body, taker);
  await taker.over;
  return taker;
}

for (const tls of [undefined, certificate]) {
  const words = tls === undefined ? "without TLS" : "over TLS";

  test(`peers: Node's own server ${words} answers bodies, chunks, trailers, HEAD and hints over one connection`, async (t) => {
    const server = await serveHttp((request, response) => {
      if (request.url === "/early") response.writeEarlyHints({ link: "</a.css>; rel=preload" });
      if (request.url === "/empty") return void response.writeHead(204).end();
      if (request.url === "/trailers") {
        response.writeHead(200, { Trailer: "X-Sum" });
        response.write("hello ");
        response.addTrailers({ "X-Sum": "1" });
        return void response.end("world");
      }
      let size = 0;
      request.on("data", (chunk: Buffer) => (size += chunk.length));
      request.on("end", () => response.end(`${request.method} ${size}`));
    }, tls);
    t.teardown(() => server.stop());
    const from = backs();
    t.teardown(() => from.close());
    const leg = testLeg(server.port, tls === undefined ? {} : TLS);
    t.is((await answerOf(from, leg, get())).text, "GET 0");
    t.deepEqual((await answerOf(from, leg, get({ target: "/early" }))).events, ["inform 103", "head 200 5", "data", "end"]);
    t.deepEqual((await answerOf(from, leg, get({ target: "/empty" }))).events, ["head 204 0", "end"]);
    t.deepEqual((await answerOf(from, leg, get({ method: "HEAD" }))).events, ["head 200 0", "end"]);
    t.is((await answerOf(from, leg, get({ method: "POST" }))).text, "POST 0");
    const trailers = await answerOf(from, leg, get({ target: "/trailers" }));
    t.is(trailers.text, "hello world");
    t.deepEqual(trailers.trailers, ["X-Sum", "1"]);
    for (const length of [undefined, 3_000_000]) {
      const body = new TestBody(length);
      body.onStart = () => {
        for (let count = 0; count < 30; count++) body.data(Buffer.alloc(100_000, "x"));
        body.end();
      };
      t.is((await answerOf(from, leg, get({ method: "PUT" }), body)).text, "PUT 3000000");
    }
    t.is(server.connections(), 1);
  });

  test(`peers: 1,000 requests in a row ${words} take one connection, and leave no listeners behind`, async (t) => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on("warning", onWarning);
    t.teardown(() => process.off("warning", onWarning));
    const scene = await backScene(t, tls === undefined ? {} : { tls, leg: TLS });
    for (let count = 0; count < 1000; count++) {
      const body = new TestBody(count % 3 === 0 ? undefined : 1);
      body.onStart = () => {
        body.data("x");
        body.end();
      };
      const taker = new Recorder();
      (await scene.take()).ask(get({ method: "POST", idleMs: 60_000 }), count % 2 === 0 ? body : undefined, taker);
      await taker.over;
      t.is(taker.text, "hello");
    }
    t.is(scene.sockets.length, 1);
    // The watch, and the pool's timer.
    t.is(scene.clock.pending, 2);
    await new Promise((resolve) => setImmediate(resolve));
    t.deepEqual(warnings, []);
  });
}

test("peers: a backend whose certificate has another name is not asked, and health hears why", async (t) => {
  const scene = await backScene(t, { tls: certificate, leg: { ...TLS, serverName: "other.example.com" } });
  t.is(await kindOf(scene.take()), "backend-tls");
  t.deepEqual(scene.told, ["down mbx1 192.0.2.7"]);
});

test("peers: a TLS connection that the backend closes at rest is noticed, and the next request gets another", async (t) => {
  const scene = await backScene(t, { tls: certificate, leg: TLS });
  const loan = await scene.take();
  let isClosed = false;
  loan.pin(() => (isClosed = true));
  const taker = new Recorder();
  loan.ask(get(), undefined, taker);
  await taker.over;
  scene.sockets[0]?.end();
  await until(() => isClosed);
  t.is((await scene.get()).text, "hello");
});

test("peers: an early answer over TLS reaches the taker", async (t) => {
  const scene = await backScene(t, { tls: certificate, leg: TLS, answer: (socket) => socket.end(HELLO) });
  const body = new TestBody(undefined);
  const taker = new Recorder();
  (await scene.take()).ask(get({ method: "POST" }), body, taker);
  for (let turn = 0; turn < 500 && taker.events.at(-1) !== "end"; turn++) {
    body.data(Buffer.alloc(1000));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await taker.over;
  t.deepEqual(taker.events, ["head 200 5", "data", "end"]);
});
