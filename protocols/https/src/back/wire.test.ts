import test from "ava";
import { once } from "node:events";
import { readBy } from "@postern/core";
import { backScene, get, HELLO, Recorder, TestBody } from "../../test/back-scene.ts";
import { until } from "../../test/until.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("connection: the taker holds the answer back, and lets it go on", async (t) => {
  const length = 20 * 1024 * 1024;
  let isFlushed = false;
  const scene = await backScene(t, {
    answer: (socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`);
      socket.write(Buffer.alloc(length, "x"), () => (isFlushed = true));
    },
  });
  const loan = await scene.take();
  const taker = new Recorder();
  taker.keepsBody = false;
  taker.goesOn = false;
  loan.ask(get(), undefined, taker);
  await until(() => taker.bytes > 0);
  for (let count = 0; count < 100; count++) await turn();
  t.is(taker.pieces, 1);
  t.false(isFlushed);
  loan.resume();
  await until(() => taker.pieces === 2);
  taker.goesOn = true;
  loan.resume();
  await taker.over;
  t.is(taker.bytes, length);
  t.is((await scene.get()).events.at(-1), "end");
  t.is(scene.sockets.length, 1);
});

test("connection: an answer that ends while it is held back leaves the connection to the next", async (t) => {
  const scene = await backScene(t);
  const taker = new Recorder();
  taker.goesOn = false;
  (await scene.take()).ask(get(), undefined, taker);
  await taker.over;
  t.is((await scene.get()).text, "hello");
  t.is(scene.sockets.length, 1);
});

test("connection: what is dropped is hung up, and its taker hears nothing more", async (t) => {
  const scene = await backScene(t, { answer: (socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello") });
  const loan = await scene.take();
  const taker = new Recorder();
  taker.onData = () => loan.drop();
  loan.ask(get(), undefined, taker);
  await until(() => taker.pieces === 1);
  scene.sockets[0]?.write("!");
  await once(scene.sockets[0]!, "close");
  t.deepEqual(taker.events, ["head 200 6", "data"]);
  t.false(loan.isFree);
  t.false((await scene.take()).isReused);
});

test("connection: behind the answer its borrower can no longer reach it", async (t) => {
  const scene = await backScene(t, { answer: (socket, head) => void (head.startsWith("GET /slow") || socket.write(HELLO)) });
  const first = await scene.take();
  const taker = new Recorder();
  first.ask(get(), undefined, taker);
  await taker.over;
  const second = await scene.take();
  const other = new Recorder();
  second.ask(get({ target: "/slow" }), undefined, other);
  first.drop();
  first.resume();
  t.false(first.isFree);
  const late = new Recorder();
  first.ask(get(), undefined, late);
  t.deepEqual(late.events, ["failed backend-lost unsent"]);
  t.throws(() => first.pin(() => {}));
  await until(() => scene.heard[0]?.includes("/slow") === true);
  scene.sockets[0]?.write(HELLO);
  await other.over;
  t.is(other.text, "hello");
});

test("connection: one that dies in the borrower's hands takes no request, and nothing was sent", async (t) => {
  const scene = await backScene(t);
  const loan = await scene.take();
  await until(() => scene.sockets.length === 1);
  t.true(loan.isFree);
  scene.sockets[0]?.end();
  await until(() => !loan.isFree);
  const taker = new Recorder();
  loan.ask(get(), undefined, taker);
  t.deepEqual(taker.events, ["failed backend-lost unsent"]);
});

test("connection: a reused one that the system knows to be reset has sent nothing", async (t) => {
  const scene = await backScene(t);
  await scene.get();
  const loan = await scene.take();
  t.true(loan.isReused);
  const taker = new Recorder();
  const [socket] = scene.sockets;
  // Both ends are in this process: the reset is there at once, and not yet told of.
  socket?.resetAndDestroy();
  await new Promise<void>((resolve) => process.nextTick(resolve));
  loan.ask(get(), undefined, taker);
  await taker.over;
  t.deepEqual(taker.events, ["failed backend-lost unsent"]);
});

test("connection: a second request while one is under way is a defect", async (t) => {
  const scene = await backScene(t);
  const loan = await scene.take();
  const taker = new Recorder();
  loan.ask(get(), undefined, taker);
  t.false(loan.isFree);
  t.throws(() => loan.ask(get(), undefined, new Recorder()));
  await taker.over;
  t.is(taker.text, "hello");
});

test("connection: fields that would break out of their lines fail the request before it is sent", async (t) => {
  const scene = await backScene(t);
  const taker = await scene.get({ fields: ["A", "b\r\nC: d"] });
  t.deepEqual(taker.events, ["failed internal unsent"]);
  t.deepEqual(scene.heard.join(""), "");
});

test("connection: what a backend says before it is asked is nobody's answer", async (t) => {
  const scene = await backScene(t);
  await scene.get();
  scene.sockets[0]?.write("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned");
  await once(scene.sockets[0]!, "close");
  t.is((await scene.get()).text, "hello");
  t.is(scene.sockets.length, 2);
  t.is(scene.logger.messages("warn").length, 1);
  t.false(scene.logger.text().includes("poisoned"));
});

test("connection: a backend that speaks first on a fresh connection is not asked", async (t) => {
  const scene = await backScene(t);
  const loan = await scene.take();
  await until(() => scene.sockets.length === 1);
  scene.sockets[0]?.write("220 ready\r\n");
  await until(() => !loan.isFree);
  const taker = new Recorder();
  loan.ask(get(), undefined, taker);
  t.deepEqual(taker.events, ["failed backend-lost unsent"]);
});

test("upgrade: the taker gets the connection, with the bytes behind the yes", async (t) => {
  const scene = await backScene(t, {
    settings: { perBackend: 1 },
    answer: (socket) => socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nearly"),
  });
  const loan = await scene.take();
  const taker = new Recorder();
  loan.ask(get({ isUpgrade: true }), undefined, taker);
  await taker.over;
  t.deepEqual(taker.events, ["switched"]);
  t.is(taker.early, "early");
  t.false(loan.isFree);
  loan.drop();
  loan.resume();
  const { stream } = taker;
  const got = new Promise<string>((resolve) => {
    readBy(stream!, {
      feed(chunk) {
        resolve(chunk.toString());
        return true;
      },
    });
  });
  // It comes paused.
  stream?.resume();
  scene.sockets[0]?.write("later");
  t.is(await got, "later");
  stream?.write("to the backend");
  await until(() => scene.heard[0]?.endsWith("to the backend") === true);
  // It is a request under way until it ends.
  const next = scene.take();
  await turn();
  t.is(scene.sockets.length, 1);
  stream?.destroy();
  t.false((await next).isReused);
});

test("upgrade: one that is refused is an answer like any other, and its connection serves nobody else", async (t) => {
  const scene = await backScene(t);
  const taker = await scene.get({ isUpgrade: true });
  t.deepEqual(taker.events, ["head 200 5", "data", "end"]);
  t.false((await scene.take()).isReused);
});

test("idle: a backend that is silent for too long is given up, each byte begins the time anew", async (t) => {
  const scene = await backScene(t, { answer: () => {} });
  const taker = new Recorder();
  (await scene.take()).ask(get({ idleMs: 5000 }), undefined, taker);
  await until(() => scene.heard[0]?.endsWith("\r\n\r\n") === true);
  await scene.clock.advance(4000);
  scene.sockets[0]?.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  await until(() => taker.heads.length === 1);
  await scene.clock.advance(4000);
  scene.sockets[0]?.write("h");
  await until(() => taker.text === "h");
  await scene.clock.advance(4000);
  t.deepEqual(taker.events, ["head 200 5", "data"]);
  await scene.clock.advance(2000);
  t.deepEqual(taker.events, ["head 200 5", "data", "failed backend-silent sent"]);
});

test("idle: no limit waits for ever, and a held poll of 70 minutes is answered", async (t) => {
  for (const idleMs of [0, 71 * 60_000]) {
    const scene = await backScene(t, { answer: () => {} });
    const taker = new Recorder();
    (await scene.take()).ask(get({ idleMs }), undefined, taker);
    await until(() => scene.heard[0]?.endsWith("\r\n\r\n") === true);
    await scene.clock.advance(70 * 60_000);
    scene.sockets[0]?.write(HELLO);
    await taker.over;
    t.is(taker.text, "hello");
  }
});

test("idle: while the taker holds it back the time stands still", async (t) => {
  const answer = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello";
  const scene = await backScene(t, { answer: (socket) => socket.write(answer) });
  const loan = await scene.take();
  const taker = new Recorder();
  taker.goesOn = false;
  loan.ask(get({ idleMs: 5000 }), undefined, taker);
  await until(() => taker.pieces === 1);
  await scene.clock.advance(60_000);
  t.is(taker.events.length, 2);
  taker.goesOn = true;
  loan.resume();
  await scene.clock.advance(4000);
  t.is(taker.events.length, 2);
  await scene.clock.advance(2000);
  t.is(taker.events.at(-1), "failed backend-silent sent");
});

test("idle: the time begins when the request is out; a slow client is not the backend's fault", async (t) => {
  const scene = await backScene(t, { answer: () => {} });
  const body = new TestBody(5);
  const taker = new Recorder();
  (await scene.take()).ask(get({ method: "POST", idleMs: 5000 }), body, taker);
  await scene.clock.advance(60_000);
  body.data("hello");
  body.end();
  await scene.clock.advance(4000);
  t.deepEqual(taker.events, []);
  await scene.clock.advance(2000);
  t.deepEqual(taker.events, ["failed backend-silent sent"]);
});

test("idle: a backend that does not take the body is given up, too", async (t) => {
  const scene = await backScene(t, { answer: (socket) => socket.pause() });
  const body = new TestBody(undefined);
  const taker = new Recorder();
  (await scene.take()).ask(get({ method: "POST", idleMs: 5000 }), body, taker);
  await until(() => scene.sockets[0]?.isPaused() === true);
  const piece = Buffer.alloc(1024 * 1024);
  let isFull = false;
  body.onResume = () => (isFull = false);
  for (let count = 0; count < 500 && !isFull; count++) {
    isFull = !body.data(piece);
    for (let turns = 0; turns < 20; turns++) await turn();
  }
  t.true(isFull);
  await scene.clock.advance(7000);
  t.deepEqual(taker.events, ["failed backend-silent sent"]);
  t.false(body.data(piece));
});

test("idle: with the last connection the watch ends", async (t) => {
  const scene = await backScene(t);
  await scene.get();
  t.true(scene.clock.pending > 0);
  scene.sockets[0]?.destroy();
  await until(() => scene.clock.pending === 0);
  t.pass();
});
