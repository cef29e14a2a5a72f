// What a client in HTTP/1.1 may not do, how long it may take, and how it leaves.

import test from "ava";
import { Failure } from "@postern/contracts";
import type { Handler } from "../exchange.ts";
import { bodyOf, echo, gate, openScene, sayOk, theBody } from "./test/scene.ts";
import { until } from "../../test/until.ts";

const get = (target: string, more = ""): string => `GET ${target} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const MINUTE = 60_000;

for (const [title, text, status] of [
  ["no request", "hello\r\n\r\n", 400],
  ["a TLS handshake", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400],
  ["two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400],
  ["two framings", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400],
  ["a folded field", "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", 400],
  ["a bare LF", "GET / HTTP/1.1\nHost: a\n\n", 400],
  ["a bad host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400],
  ["a long target", `GET /${"a".repeat(20_000)} HTTP/1.1\r\n\r\n`, 414],
  ["another expectation", get("/", "Expect: the-best\r\n"), 417],
  ["a large header", get("/", `X: ${"x".repeat(100_000)}\r\n`), 431],
  ["many fields", get("/", "X: y\r\n".repeat(201)), 431],
  ["CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 501],
  ["another coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501],
  ["HTTP/2 by guess", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
] as const) {
  test(`http1: ${title} is answered ${status}, and the connection ends`, async (t) => {
    const scene = await openScene(t, { handler: () => Promise.reject(new Error("Nobody is to be asked")) });
    const wire = await scene.connect();
    t.regex(
      await wire.say(text).all(),
      new RegExp(`^HTTP/1\\.1 ${status} [^\\r]+\\r\\nContent-Type: text/plain[^]*Connection: close\\r\\n\\r\\n[^\\r\\n]+\\n$`),
    );
    wire.socket.end();
    t.like(await scene.end(), { ending: "refused", failure: { kind: "syntax" } });
    t.deepEqual(scene.logger.records, []);
  });
}

test("http1: a body that is none breaks, and is told where nothing was said yet", async (t) => {
  const failures: unknown[] = [];
  const handler: Handler = async ({ request, answer }) => {
    await bodyOf(theBody(request)).catch((error: unknown) => failures.push(error));
    // It was told already: this has no effect.
    answer.begin({ status: 200, reason: "OK", fields: [] }, 0);
    answer.end();
  };
  const scene = await openScene(t, { handler });
  const wire = await scene.connect();
  const text = await wire.say("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxyz\r\n0\r\n\r\n").all();
  t.regex(text, /^HTTP\/1\.1 400 /);
  t.notRegex(text, /200 OK/);
  t.true(failures[0] instanceof Failure);
  wire.socket.end();
  t.is((await scene.end()).ending, "refused");
});

test("http1: a client without a request is let go after a while", async (t) => {
  const scene = await openScene(t, { handler: echo });
  const wire = await scene.connect();
  await wire.say(get("/")).until(/\|$/);
  await scene.clock.advance(2 * MINUTE - 2000);
  t.false(wire.isOver);
  await scene.clock.advance(3000);
  t.regex(await wire.all(), /\|$/);
  wire.socket.end();
  t.is((await scene.end()).ending, "idle");
  await scene.clock.advance(1000);
  t.is(scene.clock.pending, 0);
});

test("http1: a header that drips is answered 408", async (t) => {
  const scene = await openScene(t, { handler: echo });
  const wire = await scene.connect();
  wire.say("GET / HTTP/1.1\r\nHost:");
  for (let seconds = 0; seconds < 60 && !wire.isOver; seconds += 10) {
    await scene.clock.advance(10_000);
    wire.say("x");
    await turn();
  }
  t.regex(await wire.all(), /^HTTP\/1\.1 408 /);
  wire.socket.end();
  t.like(await scene.end(), { ending: "refused", failure: { kind: "idle" } });
});

test("http1: a body that stands still is answered 408, and who takes it hears of it", async (t) => {
  const heard: unknown[] = [];
  const scene = await openScene(t, {
    handler: ({ request }) =>
      bodyOf(theBody(request)).then(
        () => t.fail(),
        (error: unknown) => void heard.push(error),
      ),
  });
  const wire = await scene.connect();
  wire.say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
  await until(() => scene.sessions[0]?.requests === 1);
  await scene.clock.advance(MINUTE + 2000);
  t.regex(await wire.all(), /^HTTP\/1\.1 408 /);
  wire.socket.end();
  await scene.end();
  t.is(heard.length, 1);
});

test("http1: a request that is held for an hour is not given up", async (t) => {
  const { opened, open } = gate();
  const scene = await openScene(t, { handler: (exchange) => opened.then(() => sayOk(exchange, "late|")) });
  const wire = await scene.connect();
  wire.say(get("/"));
  await until(() => scene.sessions[0]?.requests === 1);
  await scene.clock.advance(65 * MINUTE);
  open();
  t.regex(await wire.until(/\|$/), /late\|$/);
});

test("http1: who takes nothing of an answer is cut", async (t) => {
  let gone = 0;
  const scene = await openScene(t, {
    handler: ({ answer }) =>
      new Promise((resolve) => {
        answer.onGone = () => resolve(void (gone += 1));
        answer.begin({ status: 200, reason: "OK", fields: [] }, undefined);
        const more = (): void => {
          for (let i = 0; i < 1000; i += 1) if (!answer.write(Buffer.alloc(65_536))) return;
          t.fail("All was taken");
        };
        answer.onDrain = more;
        more();
      }),
  });
  const wire = await scene.connect();
  wire.socket.pause();
  wire.say(get("/"));
  await until(() => scene.sessions[0]?.requests === 1);
  for (let seconds = 0; seconds < 600 && gone === 0; seconds += 20) {
    await scene.clock.advance(20_000);
    await turn();
  }
  t.is(gone, 1);
  t.like(await scene.end(), { ending: "refused", failure: { kind: "idle" } });
});

test("http1: a sink that wants no more stops the client", async (t) => {
  const { opened, open } = gate();
  let given = 0;
  const scene = await openScene(t, {
    handler: async (exchange) => {
      const { body } = exchange.request;
      await new Promise<void>((resolve) => {
        body?.start({
          data(chunk) {
            given += chunk.length;
            void opened.then(() => body.resume());
            return false;
          },
          end: () => resolve(),
          broken: () => t.fail(),
        });
      });
      await sayOk(exchange, `${given}|`);
    },
  });
  const wire = await scene.connect();
  const size = 32 * 1024 * 1024;
  wire.say(`PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`).say(Buffer.alloc(size));
  await until(() => given > 0);
  for (let i = 0; i < 50; i += 1) await turn();
  t.true(given <= 65_536, `${given}`);
  open();
  t.regex(await wire.until(/\|$/), new RegExp(`${size}\\|$`));
});

test("http1: a client that leaves is noticed: answer, body and connection are told, once", async (t) => {
  const told: string[] = [];
  const scene = await openScene(t, {
    handler: ({ request, answer, client }) =>
      new Promise((resolve) => {
        client.whenClosed(() => told.push("closed"));
        answer.onGone = () => {
          told.push("gone");
          answer.begin({ status: 200, reason: "OK", fields: [] }, 5);
          t.true(answer.write(Buffer.from("12345")));
          answer.end();
          resolve();
        };
        request.body?.start({ data: () => true, end: () => t.fail(), broken: ({ kind }) => told.push(kind) });
      }),
  });
  const wire = await scene.connect();
  wire.say("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
  await until(() => scene.sessions[0]?.requests === 1);
  wire.socket.resetAndDestroy();
  await scene.end();
  t.deepEqual(told.toSorted(), ["client-gone", "closed", "gone"]);
});

for (const [title, more] of [
  ["a held request", ""],
  ["a held request, with something sent ahead,", `\r\n${get("/next")}`],
] as const)
  test(`http1: FIN in the middle of ${title} is leaving`, async (t) => {
    const scene = await openScene(t, {
      handler: ({ answer }) =>
        new Promise((resolve) => {
          answer.onGone = resolve;
        }),
    });
    const wire = await scene.connect();
    wire.say(get("/") + more);
    await until(() => scene.sessions[0]?.requests === 1);
    wire.socket.end();
    t.is((await scene.end()).ending, "client-closed");
    t.is(scene.sessions[0]?.requests, 1);
  });

test("http1: a drain ends idle connections at once, and others behind their answer", async (t) => {
  const { opened, open } = gate();
  const scene = await openScene(t, { handler: (exchange) => opened.then(() => sayOk(exchange, "done|")) });
  const idle = await scene.connect();
  await until(() => scene.hosted.length === 1);
  const busy = await scene.connect();
  busy.say(get("/"));
  await until(() => scene.sessions[1]?.requests === 1);
  t.deepEqual(
    scene.hosted.map(({ owes }) => owes),
    [false, true],
  );
  for (const hosted of scene.hosted) hosted.end("drained", new Failure("shutting-down", "The gateway is stopping"));
  t.is(await idle.all(), "");
  open();
  t.regex(await busy.all(), /\r\nConnection: close\r\n\r\ndone\|$/);
  for (const { socket } of [idle, busy]) socket.end();
  t.deepEqual([(await scene.end(0)).ending, (await scene.end(1)).ending], ["drained", "drained"]);
});

test("http1: closeSoon ends it behind the answer under way; cut at once", async (t) => {
  const handler: Handler = (exchange) => {
    if (exchange.request.target === "/cut") exchange.client.cut();
    else exchange.client.closeSoon();
    return sayOk(exchange, "last|");
  };
  const scene = await openScene(t, { handler });
  t.regex(await (await scene.connect()).say(get("/soon") + get("/next")).all(), /Connection: close\r\n\r\nlast\|$/);
  t.is(await (await scene.connect()).say(get("/cut")).all(), "");
});

test("http1: who does not hang up behind the last answer is cut", async (t) => {
  const scene = await openScene(t, { handler: echo });
  const wire = await scene.connect();
  t.regex(await wire.say(get("/", "Connection: close\r\n")).all(), /\|$/);
  await turn();
  await scene.clock.advance(7000);
  t.is((await scene.end()).ending, "client-closed");
});
