import test from "ava";
import { once } from "node:events";
import { backScene, get, HELLO, Recorder, TestBody, type BackScene } from "../../test/back-scene.ts";
import { until } from "../../test/until.ts";

const post = get({ method: "POST" });
const HEAD = "POST / HTTP/1.1\r\nHost: mail.example.com\r\n";

/** Asks with this body. */
async function asked(scene: BackScene, body: TestBody, request = post): Promise<Recorder> {
  const taker = new Recorder();
  (await scene.take()).ask(request, body, taker);
  return taker;
}

/** Answers behind the end of the body only. */
const behind = (scene: BackScene, end: string): Promise<void> =>
  until(() => scene.heard[0]?.endsWith(end) === true).then(() => void scene.sockets[0]?.write(HELLO));

test("request body: with a length it goes as it is, and the answer leaves the connection to the next", async (t) => {
  const scene = await backScene(t, { answer: () => {} });
  const body = new TestBody(10);
  const taker = await asked(scene, body);
  t.true(body.data("hello"));
  t.true(body.data("world"));
  body.end();
  await behind(scene, "world");
  await taker.over;
  t.is(scene.heard[0], `${HEAD}Content-Length: 10\r\n\r\nhelloworld`);
  t.deepEqual(taker.events, ["head 200 5", "data", "end"]);
  t.true((await scene.take()).isReused);
});

test("request body: without a length it goes in chunks, an empty piece is none, and trailers follow", async (t) => {
  const scene = await backScene(t, { answer: () => {} });
  const body = new TestBody(undefined);
  const taker = await asked(scene, body);
  body.data("hello");
  t.true(body.data(""));
  body.data("x".repeat(26));
  body.end(["X-Sum", "1"]);
  await behind(scene, "X-Sum: 1\r\n\r\n");
  await taker.over;
  t.is(scene.heard[0], `${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1a\r\n${"x".repeat(26)}\r\n0\r\nX-Sum: 1\r\n\r\n`);
  t.true((await scene.take()).isReused);
});

test("request body: behind chunks a server of HTTP/1.0 is asked nothing more: it may see another request in them", async (t) => {
  const scene = await backScene(t, { answer: () => {} });
  const body = new TestBody(undefined);
  const taker = await asked(scene, body);
  body.data("GET /owned HTTP/1.0\r\n\r\n");
  body.end();
  await until(() => scene.heard[0]?.endsWith("0\r\n\r\n") === true);
  scene.sockets[0]?.write("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello");
  await taker.over;
  t.deepEqual(taker.events, ["head 200 5", "data", "end"]);
  t.false((await scene.take()).isReused);
});

test("request body: what is there already goes out with the head, in one write", async (t) => {
  const scene = await backScene(t);
  const body = new TestBody(5);
  body.onStart = () => {
    body.data("hello");
    body.end();
  };
  let writes = 0;
  const loan = await scene.take();
  await until(() => scene.sockets.length === 1);
  scene.sockets[0]?.on("data", () => (writes += 1));
  const taker = new Recorder();
  loan.ask(post, body, taker);
  await taker.over;
  t.is(writes, 1);
  t.true(scene.heard[0]?.endsWith("\r\n\r\nhello"));
});

for (const [title, length, pieces] of [
  ["longer", 3, ["hello"]],
  ["shorter", 6, ["hello"]],
] as const) {
  test(`request body: one ${title} than it was said to be ends the connection`, async (t) => {
    const scene = await backScene(t, { answer: () => {} });
    const body = new TestBody(length);
    const taker = await asked(scene, body);
    for (const piece of pieces) body.data(piece);
    body.end();
    t.deepEqual(taker.events, ["failed syntax sent"]);
    t.false((await scene.take()).isReused);
  });
}

test("request body: a client that leaves ends the connection, and what comes of its body goes nowhere", async (t) => {
  const scene = await backScene(t, { answer: () => {} });
  const body = new TestBody(undefined);
  const taker = await asked(scene, body);
  body.data("hel");
  await until(() => scene.heard[0]?.includes("hel") === true);
  body.broken();
  t.deepEqual(taker.events, ["failed client-gone sent"]);
  await once(scene.sockets[0]!, "close");
  t.false(body.data("more"));
  body.end();
  t.false(scene.heard[0]?.includes("more"));
  t.false(scene.heard[0]?.includes("0\r\n\r\n"));
});

test("request body: a backend that does not read holds the body back, and lets it go on", async (t) => {
  const scene = await backScene(t, { answer: () => {} });
  const body = new TestBody(undefined);
  const taker = await asked(scene, body);
  await until(() => scene.heard[0]?.endsWith("\r\n\r\n") === true);
  const [socket] = scene.sockets;
  socket?.removeAllListeners("data").pause();
  const piece = Buffer.alloc(64 * 1024, "x");
  const ALL = 400;
  let pieces = 0;
  const push = (): void => {
    while (pieces < ALL) {
      pieces += 1;
      if (!body.data(piece)) return;
    }
  };
  body.onResume = push;
  push();
  // The system takes some of it; then nothing moves.
  let before = -1;
  while (before !== pieces) {
    before = pieces;
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  t.true(pieces < ALL);
  let last = "";
  socket?.on("data", (chunk: Buffer) => {
    last = (last + chunk.toString("latin1", Math.max(0, chunk.length - 5))).slice(-5);
    if (last === "0\r\n\r\n") socket.write(HELLO);
  });
  socket?.resume();
  await until(() => pieces === ALL);
  body.end();
  await taker.over;
  t.is(taker.events.at(-1), "end");
});

test("early answer: it is handed on, the rest of the body goes nowhere, and the connection ends", async (t) => {
  const scene = await backScene(t);
  const body = new TestBody(undefined);
  const taker = await asked(scene, body);
  await taker.over;
  t.deepEqual(taker.events, ["head 200 5", "data", "end"]);
  t.false(body.data("late"));
  t.false((await scene.take()).isReused);
});

test("early answer: it reaches the taker when the backend resets the connection while the body is being written", async (t) => {
  const large = "x".repeat(20_000);
  const answer = `HTTP/1.1 413 Too Large\r\nContent-Length: ${large.length}\r\n\r\n${large}`;
  for (let round = 0; round < 30; round++) {
    const scene = await backScene(t, {
      answer: (socket) => {
        socket.pause();
        socket.end(answer, () => socket.resetAndDestroy());
      },
    });
    const body = new TestBody(undefined);
    const taker = await asked(scene, body);
    const piece = Buffer.alloc(16 * 1024, "x");
    // Not held back by anything: writes go on until the system refuses them.
    for (let turn = 0; turn < 300 && taker.events.at(-1) !== "end"; turn++) {
      body.data(piece);
      body.data(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await taker.over;
    t.deepEqual(taker.events, [`head 413 ${large.length}`, "data", "end"], `round ${round}`);
  }
});

test("early answer: a reset without an answer is the loss of the backend", async (t) => {
  const scene = await backScene(t, { answer: (socket) => socket.resetAndDestroy() });
  const body = new TestBody(undefined);
  const taker = await asked(scene, body);
  for (let turn = 0; turn < 1000 && taker.failure === undefined; turn++) {
    body.data("more");
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.deepEqual(taker.events, ["failed backend-lost sent"]);
});
