import test from "ava";
import { once } from "node:events";
import { testSession } from "@postern/testing";
import { backScene, get, HELLO, kindOf, Recorder, type BackScene } from "../../test/back-scene.ts";
import { until } from "../../test/until.ts";
import type { BackConnection } from "../backends.ts";

/** Asks, and does not wait for the answer. */
function ask(loan: BackConnection, target = "/", fields: readonly string[] = []): Recorder {
  const taker = new Recorder();
  loan.ask(get({ target, fields }), undefined, taker);
  return taker;
}

/** A scene whose backend answers when it is told. */
const quiet = (t: Parameters<typeof backScene>[0], rest: Parameters<typeof backScene>[1] = {}): Promise<BackScene> =>
  backScene(t, { answer: () => {}, ...rest });

test("pool: a connection is used again, and health hears of the dial alone", async (t) => {
  const scene = await backScene(t);
  const first = await scene.take();
  t.false(first.isReused);
  await ask(first).over;
  const second = await scene.take();
  t.true(second.isReused);
  await ask(second).over;
  t.is(scene.sockets.length, 1);
  t.deepEqual(scene.told, ["up mbx1"]);
});

test("pool: the connection that was used last goes out first", async (t) => {
  const scene = await backScene(t);
  const loans = [await scene.take(), await scene.take(), await scene.take()];
  for (const [index, loan] of loans.entries()) await ask(loan, `/${index}`).over;
  await ask(await scene.take(), "/again").over;
  t.is(
    scene.heard.findIndex((heard) => heard.includes("/again")),
    scene.heard.findIndex((heard) => heard.includes("/2")),
  );
});

test("pool: who wants a fresh connection gets one", async (t) => {
  const scene = await backScene(t);
  await scene.get();
  const loan = await scene.take(true);
  t.false(loan.isReused);
  t.is((await kindOf(ask(loan).over)) ?? "", "");
  t.is(scene.sockets.length, 2);
});

test("pool: an unused connection is closed after the idle time, by one timer", async (t) => {
  const scene = await backScene(t, { settings: { idle: 4000 } });
  const [first, second] = [await scene.take(), await scene.take()];
  await ask(first).over;
  await scene.clock.advance(3000);
  await ask(second).over;
  // The watch, and the pool's timer.
  t.is(scene.clock.pending, 2);
  await scene.clock.advance(1000);
  await until(() => scene.sockets.filter(({ destroyed }) => destroyed).length === 1);
  await scene.clock.advance(2000);
  t.true((await scene.take()).isReused);
});

test("pool: a connection that has rested too long is not lent, even where its timer is late", async (t) => {
  const scene = await backScene(t);
  await scene.get();
  const now = scene.clock.now.bind(scene.clock);
  scene.clock.now = () => now() + 4000;
  t.false((await scene.take()).isReused);
});

test("pool: a backend that keeps connections for less is believed", async (t) => {
  const answer = HELLO.replace("\r\n\r\n", "\r\nKeep-Alive: timeout=3, max=99\r\n\r\n");
  const scene = await backScene(t, { answer: (socket) => socket.write(answer) });
  await scene.get();
  await scene.clock.advance(1900);
  t.true((await scene.take()).isReused);
  const other = await backScene(t, { answer: (socket) => socket.write(answer) });
  await other.get();
  await other.clock.advance(2000);
  t.false((await other.take()).isReused);
});

test("pool: an idle time of zero, and none that may be kept, mean that nothing is used twice", async (t) => {
  for (const settings of [{ idle: 0 }, { idlePerBackend: 0 }]) {
    const scene = await backScene(t, { settings });
    await scene.get();
    await scene.get();
    t.is(scene.sockets.length, 2);
    await until(() => scene.sockets.every(({ destroyed }) => destroyed));
  }
});

test("pool: of those that rest the coldest make room", async (t) => {
  const scene = await backScene(t, { settings: { idlePerBackend: 2 } });
  const loans = [await scene.take(), await scene.take(), await scene.take()];
  for (const [index, loan] of loans.entries()) await ask(loan, `/${index}`).over;
  await until(() => scene.sockets.some(({ destroyed }) => destroyed));
  const closed = scene.sockets.findIndex(({ destroyed }) => destroyed);
  t.true(scene.heard[closed]?.includes("/0"));
});

test("pool: a resting connection that the backend closes is nothing to health", async (t) => {
  const scene = await backScene(t);
  await scene.get();
  scene.sockets[0]?.end();
  await once(scene.sockets[0]!, "close");
  t.is((await scene.get()).text, "hello");
  t.deepEqual(scene.told, ["up mbx1", "up mbx1"]);
});

test("pool: no more requests than perBackend at one time; who waits is served in order", async (t) => {
  const scene = await quiet(t, { settings: { perBackend: 2 } });
  const first = ask(await scene.take());
  const second = await scene.take();
  const order: string[] = [];
  const third = scene.take().then((loan) => (order.push("third"), loan));
  const fourth = scene.take().then((loan) => (order.push("fourth"), loan));
  await scene.clock.advance(1);
  t.deepEqual(order, []);
  await until(() => scene.heard.some((heard) => heard !== ""));
  scene.sockets[scene.heard.findIndex((heard) => heard !== "")]?.write(HELLO);
  await first.over;
  t.true((await third).isReused);
  second.drop();
  t.false((await fourth).isReused);
  t.deepEqual(order, ["third", "fourth"]);
  t.is(scene.sockets.length, 3);
});

test("pool: one that rests takes no place", async (t) => {
  const scene = await backScene(t, { settings: { perBackend: 1 } });
  await scene.get();
  t.false((await scene.take(true)).isReused);
});

test("pool: who waits too long is told that the backend is busy, and costs nobody the place", async (t) => {
  const scene = await backScene(t, { settings: { perBackend: 1, wait: 500 } });
  const first = await scene.take();
  const second = kindOf(scene.take());
  await scene.clock.advance(500);
  t.is(await second, "backend-busy");
  await ask(first).over;
  t.true((await scene.take()).isReused);
});

test("pool: a dial that fails is told to health with the client, and frees the place", async (t) => {
  const scene = await backScene(t, { settings: { perBackend: 1 }, leg: { host: "no.such.host.invalid" } });
  for (let count = 0; count < 3; count++) t.is(await kindOf(scene.take()), "backend-unreachable");
  t.deepEqual(scene.told, Array(3).fill("down mbx1 192.0.2.7"));
  t.is(scene.clock.pending, 0);
});

test("pool: a leg with a PROXY header is dialled for each client, and never kept", async (t) => {
  const scene = await backScene(t, { leg: { proxyHeader: "v1" } });
  for (const host of ["192.0.2.7", "192.0.2.8"]) {
    const loan = await scene.backs.take(scene.leg, testSession({ client: { host, port: 1 } }), false);
    t.false(loan.isReused);
    loan.drop();
  }
  await until(() => scene.heard.filter((heard) => heard.endsWith("\r\n")).length === 2);
  t.deepEqual(scene.heard.toSorted(), ["PROXY TCP4 192.0.2.7 192.0.2.1 1 143\r\n", "PROXY TCP4 192.0.2.8 192.0.2.1 1 143\r\n"]);
});

test("pool: a request on a leg with a PROXY header is answered, and its connection is closed", async (t) => {
  const scene = await backScene(t, { leg: { proxyHeader: "v1" } });
  t.is((await scene.get()).text, "hello");
  await once(scene.sockets[0]!, "close");
  t.false((await scene.take()).isReused);
});

test("pool: legs to one address that differ in TLS policy share nothing; equal ones do, and keep their own name", async (t) => {
  const scene = await backScene(t);
  await scene.get();
  t.false((await scene.backs.take({ ...scene.leg, verify: false }, testSession(), false)).isReused);
  const equal = { ...scene.leg };
  const loan = await scene.backs.take(equal, testSession(), false);
  t.true(loan.isReused);
  t.is(loan.leg, equal);
});

test("pool: closing it hangs up on what rests; requests go on, and nothing is kept any more", async (t) => {
  const scene = await quiet(t);
  const [first, second] = [ask(await scene.take(), "/a"), ask(await scene.take(), "/b")];
  await until(() => scene.heard.every((heard) => heard.endsWith("\r\n\r\n")) && scene.heard.length === 2);
  scene.sockets[scene.heard.findIndex((heard) => heard.includes("/a"))]?.write(HELLO);
  await first.over;
  scene.backs.close();
  await until(() => scene.sockets.filter(({ destroyed }) => destroyed).length === 1);
  scene.sockets.find(({ destroyed }) => !destroyed)?.write(HELLO);
  await second.over;
  t.is(second.text, "hello");
  t.false((await scene.take()).isReused);
  await until(() => scene.sockets.filter(({ destroyed }) => destroyed).length === 2);
});

test("pool: a connection over which a client may have logged in is not lent to another", async (t) => {
  for (const value of ["NTLM TlRMTVNTUAAB", "Negotiate YA==", "Other x"]) {
    const scene = await backScene(t);
    await ask(await scene.take(), "/", ["Authorization", value]).over;
    t.false((await scene.take()).isReused, value);
  }
  const scene = await backScene(t);
  await ask(await scene.take(), "/", ["Authorization", "Basic YTpi"]).over;
  t.true((await scene.take()).isReused);
});

test("pinned: it never goes back to the pool, takes one request after the other, and outlives the idle time", async (t) => {
  const scene = await backScene(t);
  const loan = await scene.take();
  let closed = 0;
  const taker = new Recorder();
  taker.onHead = () => loan.pin(() => (closed += 1));
  taker.onEnd = () => t.true(loan.isFree);
  loan.ask(get(), undefined, taker);
  await taker.over;
  t.false((await scene.take()).isReused);
  await scene.clock.advance(60_000);
  t.true(loan.isFree);
  await ask(loan).over;
  t.is(closed, 0);
  loan.drop();
  t.is(closed, 1);
  t.false(loan.isFree);
  t.false((await scene.take()).isReused);
});

test("pinned: a backend that closes while it rests is told of, once", async (t) => {
  const scene = await backScene(t);
  const loan = await scene.take();
  let closed = 0;
  loan.pin(() => (closed += 1));
  await ask(loan).over;
  scene.sockets[0]?.end();
  await until(() => closed > 0);
  loan.drop();
  t.is(closed, 1);
  t.deepEqual(ask(loan).events, ["failed backend-lost unsent"]);
});

for (const [title, answer, last] of [
  ["says Connection: close", HELLO.replace("OK\r\n", "OK\r\nConnection: close\r\n"), "end"],
  ["breaks its answer", HELLO.slice(0, -1), "failed backend-lost sent"],
] as const) {
  test(`pinned: a backend that ${title} ends it behind the last word to the taker`, async (t) => {
    const scene = await backScene(t, { answer: (socket) => socket.end(answer) });
    const loan = await scene.take();
    const taker = new Recorder();
    let known = "";
    const closed = new Promise<void>((resolve) => {
      loan.pin(() => {
        known = taker.events.at(-1) ?? "";
        resolve();
      });
    });
    loan.ask(get(), undefined, taker);
    await closed;
    t.is(known, last);
    t.false(loan.isFree);
  });
}

test("pinned: at rest it takes no place, and its request does not wait for one", async (t) => {
  const scene = await backScene(t, { settings: { perBackend: 1 } });
  const loan = await scene.take();
  loan.pin(() => {});
  await ask(loan).over;
  const other = await scene.take();
  await ask(loan).over;
  let isServed = false;
  const third = scene.take().then((late) => ((isServed = true), late));
  await scene.clock.advance(1);
  t.false(isServed);
  await ask(other).over;
  t.true((await third).isReused);
});

test("pool: a connection on which the backend keeps a login does not rest, whoever has logged in", async (t) => {
  const scene = await backScene(t, {
    answer: (socket) => socket.write("HTTP/1.1 200 OK\r\nPersistent-Auth: true\r\nContent-Length: 0\r\n\r\n"),
  });
  await scene.get();
  t.false((await scene.take()).isReused);
});
