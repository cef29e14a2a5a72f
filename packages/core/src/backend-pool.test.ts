import test from "ava";
import { once } from "node:events";
import { testLeg } from "@postern/testing";
import { clientAt, kindOf, poolScene, until } from "../test/pool-scene.ts";

test("pool: what is given back is lent again, and was greeted once", async (t) => {
  const scene = await poolScene(t);
  const first = await scene.take();
  t.is(first.state, "hello");
  t.false(first.reused);
  t.is(await scene.echo(first), "ping");
  first.giveBack();
  const second = await scene.take(clientAt("192.0.2.8"));
  t.true(second.reused);
  t.is(second.state, "hello");
  t.is(await scene.echo(second), "ping");
  t.is(await scene.echo(second), "ping");
  t.is(scene.sockets.length, 1);
  t.deepEqual(scene.told, ["up mbx1"]);
});

test("pool: a connection that was given back without a word is lent again", async (t) => {
  const scene = await poolScene(t);
  (await scene.take()).giveBack();
  (await scene.take()).giveBack();
  const third = await scene.take();
  t.is(await scene.echo(third), "ping");
  t.is(scene.sockets.length, 1);
});

test("pool: what was given back or dropped once is out of the borrower's hands", async (t) => {
  const scene = await poolScene(t);
  const first = await scene.take();
  first.giveBack();
  const second = await scene.take();
  first.drop();
  first.giveBack();
  t.is(await scene.echo(second), "ping");
  const third = await scene.take();
  t.false(third.reused);
});

test("pool: what is dropped is closed and not lent again", async (t) => {
  const scene = await poolScene(t);
  (await scene.take()).drop();
  const [socket] = scene.sockets;
  await until(() => socket?.readableEnded === true);
  t.false((await scene.take()).reused);
  t.is(scene.sockets.length, 2);
});

test("pool: what is left is told goodbye, and not lent again", async (t) => {
  const scene = await poolScene(t, { perBackend: 1 });
  (await scene.take()).leave();
  await until(() => scene.heard[0] === "BYE\r\n");
  t.false((await scene.take()).reused);
});

test("pool: the connection that was used last goes out first", async (t) => {
  const scene = await poolScene(t);
  const [first, second] = [await scene.take(), await scene.take()];
  first.giveBack();
  second.giveBack();
  await scene.echo(await scene.take());
  t.deepEqual(scene.heard, ["", "ping\r\n"]);
});

test("pool: an unused connection is told goodbye after the idle time, a used one is not", async (t) => {
  const scene = await poolScene(t, { idle: 1000 });
  const [first, second] = [await scene.take(), await scene.take()];
  first.giveBack();
  await scene.clock.advance(600);
  second.giveBack();
  await scene.clock.advance(600);
  await until(() => scene.heard[0] === "BYE\r\n");
  t.is(scene.heard[1], "");
  t.true((await scene.take()).reused);
  await scene.clock.advance(10_000);
  t.is(scene.heard[1], "");
});

test("pool: an idle time of zero means that nothing is used twice", async (t) => {
  const scene = await poolScene(t, { idle: 0, ahead: 5 });
  (await scene.take()).giveBack();
  await until(() => scene.heard[0] === "BYE\r\n");
  t.false((await scene.take()).reused);
  t.is(scene.sockets.length, 2);
});

test("pool: a connection that the backend closes is not lent, and counts against nobody", async (t) => {
  const scene = await poolScene(t, { perBackend: 1 });
  (await scene.take()).giveBack();
  scene.sockets[0]?.end();
  await once(scene.sockets[0]!, "close");
  t.false((await scene.take()).reused);
  t.deepEqual(scene.told, ["up mbx1", "up mbx1"]);
});

test("pool: a backend that speaks unasked is hung up on at once", async (t) => {
  const scene = await poolScene(t);
  (await scene.take()).giveBack();
  scene.sockets[0]?.write("I am leaving\r\n");
  await once(scene.sockets[0]!, "close");
  t.false((await scene.take()).reused);
});

test("pool: what has unread bytes is not kept", async (t) => {
  const scene = await poolScene(t);
  const loan = await scene.take();
  scene.sockets[0]?.write("two\r\nlines\r\n");
  t.is(await loan.dialogue.readLine(), "two");
  loan.giveBack();
  t.false((await scene.take()).reused);
});

test("pool: no more than perBackend at one time; who waits is served in order", async (t) => {
  const scene = await poolScene(t, { perBackend: 2 });
  const [first, second] = [await scene.take(), await scene.take()];
  const order: string[] = [];
  const third = scene.take().then((loan) => (order.push("third"), loan));
  const fourth = scene.take().then((loan) => (order.push("fourth"), loan));
  await scene.clock.advance(1);
  t.deepEqual(order, []);
  first.giveBack();
  t.true((await third).reused);
  second.drop();
  t.false((await fourth).reused);
  t.deepEqual(order, ["third", "fourth"]);
  t.is(scene.sockets.length, 3);
  t.is(scene.clock.pending, 0);
});

test("pool: who waits too long is told that the backend is busy, and costs nobody the place", async (t) => {
  const scene = await poolScene(t, { perBackend: 1, wait: 500 });
  const first = await scene.take();
  const second = kindOf(scene.take());
  await scene.clock.advance(500);
  t.is(await second, "backend-busy");
  first.giveBack();
  t.true((await scene.take()).reused);
});

test("pool: a dial that fails is told to health with the client, and frees the place", async (t) => {
  const scene = await poolScene(t, { perBackend: 1 });
  scene.greeting = "NO backend-lost";
  t.is(await kindOf(scene.take()), "backend-lost");
  scene.greeting = "hello";
  t.false((await scene.take()).reused);
  t.deepEqual(scene.told, ["down mbx1 192.0.2.7", "up mbx1"]);
});

test("pool: a backend that answers with a refusal is alive", async (t) => {
  const scene = await poolScene(t);
  scene.greeting = "NO backend-unavailable";
  t.is(await kindOf(scene.take()), "backend-unavailable");
  t.deepEqual(scene.told, ["up mbx1"]);
});

test("pool: a backend that does not greet in full is given up at the leg's reply time-out", async (t) => {
  const scene = await poolScene(t, {}, { replyTimeoutMs: 700 });
  scene.greeting = undefined;
  const work = kindOf(scene.take());
  await scene.accepted(1);
  scene.sockets[0]?.write("half of a gree");
  await until(() => scene.clock.pending === 1);
  for (let step = 0; step < 20; step++) await scene.clock.advance(300);
  t.is(await work, "backend-silent");
});

test("pool: a deadline of a borrower ends its read, and is gone with the next borrower", async (t) => {
  const scene = await poolScene(t);
  const first = await scene.take();
  first.deadline(100, "too slow");
  const read = kindOf(first.dialogue.readLine());
  await scene.clock.advance(100);
  t.is(await read, "backend-silent");
  first.drop();
  const second = await scene.take();
  second.deadline(100, "too slow");
  second.giveBack();
  const third = await scene.take();
  await scene.clock.advance(1000);
  t.is(await scene.echo(third), "ping");
});

test("pool: once a leg is used, so many wait greeted ahead of need, and not more", async (t) => {
  const scene = await poolScene(t, { ahead: 2, perBackend: 4 });
  const first = await scene.take();
  await until(() => scene.told.length === 3);
  const second = await scene.take();
  t.true(second.reused);
  await until(() => scene.told.length === 4);
  first.giveBack();
  second.giveBack();
  await scene.take();
  await scene.clock.advance(1);
  t.is(scene.sockets.length, 4);
});

test("pool: what is dialled ahead goes to who waits", async (t) => {
  const scene = await poolScene(t, { ahead: 1, perBackend: 2 });
  await scene.take();
  const second = await scene.take();
  t.true(second.reused);
  t.is(scene.sockets.length, 2);
});

test("pool: connections that were dialled ahead are renewed after the idle time while the leg is in use", async (t) => {
  const scene = await poolScene(t, { ahead: 1, idle: 1000 });
  (await scene.take()).drop();
  await until(() => scene.told.length === 2);
  await scene.clock.advance(1000);
  await until(() => scene.told.length === 3);
  await scene.clock.advance(20_000);
  const before = scene.sockets.length;
  await scene.clock.advance(20_000);
  t.is(scene.sockets.length, before);
});

test("pool: nothing is dialled ahead while the backend is down, and a dial ahead that fails is told to health alone", async (t) => {
  const scene = await poolScene(t, { ahead: 1 });
  scene.state = "down";
  const loan = await scene.take();
  await scene.clock.advance(1);
  t.is(scene.sockets.length, 1);
  scene.state = "up";
  loan.giveBack();
  scene.greeting = "NO backend-lost";
  t.true((await scene.take()).reused);
  await until(() => scene.told.length === 2);
  t.deepEqual(scene.told, ["up mbx1", "down mbx1"]);
});

test("pool: a leg with a PROXY header is dialled for each client, and never kept", async (t) => {
  const scene = await poolScene(t, { ahead: 3 }, { proxyHeader: "v1" });
  (await scene.take(clientAt("192.0.2.7"))).giveBack();
  const second = await scene.take(clientAt("192.0.2.8"));
  t.false(second.reused);
  await until(() => scene.heard[1] !== "");
  t.deepEqual(scene.heard, ["PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\nBYE\r\n", "PROXY TCP4 192.0.2.8 192.0.2.1 1 2\r\n"]);
  t.is(scene.sockets.length, 2);
});

test("pool: legs to one address that differ in TLS policy share nothing; equal ones do", async (t) => {
  const scene = await poolScene(t);
  (await scene.take()).giveBack();
  const other = { ...scene.leg, verify: false };
  t.false((await scene.pool.take(other, clientAt("192.0.2.7"))).reused);
  t.true((await scene.pool.take({ ...scene.leg }, clientAt("192.0.2.7"))).reused);
});

test("pool: closing it says goodbye to those that wait; loans go on, and nothing is kept any more", async (t) => {
  const scene = await poolScene(t, { ahead: 1 });
  const lent = await scene.take();
  await until(() => scene.told.length === 2);
  scene.pool.close();
  await until(() => scene.heard[1] === "BYE\r\n");
  t.is(await scene.echo(lent), "ping");
  lent.giveBack();
  await until(() => scene.heard[0] === "ping\r\nBYE\r\n");
  const late = await scene.take();
  t.false(late.reused);
  late.giveBack();
  await until(() => scene.heard[2] === "BYE\r\n");
  t.is(scene.sockets.length, 3);
});

test("pool: a port where nobody listens is unreachable", async (t) => {
  const scene = await poolScene(t);
  t.is(await kindOf(scene.pool.take(testLeg(1), clientAt("192.0.2.7"))), "backend-unreachable");
});

test("pool: the trace hears its own borrower's dialogue, and nobody else's", async (t) => {
  const scene = await poolScene(t);
  const lines: string[] = [];
  const loan = await scene.pool.take(scene.leg, clientAt("192.0.2.7"), (direction, text) => lines.push(`${direction}: ${text}`));
  await scene.echo(loan);
  loan.giveBack();
  await scene.echo(await scene.take());
  t.deepEqual(lines, ["G: ping"]);
});

// By itself: it counts all that keeps the process alive.
test.serial("pool: a backend that owes an answer does not keep the process alive, once all else is over", async (t) => {
  const scene = await poolScene(t);
  const awake = (): number => process.getActiveResourcesInfo().filter((one) => one === "TCPSocketWrap").length;
  const before = awake();
  await scene.echo(await scene.take());
  // The backend's own side of it is in this process, too.
  t.is(awake() - before, 1);
});
