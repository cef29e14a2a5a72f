import test from "ava";
import { backScene, get, HELLO, inPieces, Recorder } from "../../test/back-scene.ts";
import { until } from "../../test/until.ts";

/** What a taker hears of an answer that comes in these pieces, and whether another request goes over the same connection. */
const ANSWERS: readonly (readonly [string, string, readonly string[], string, boolean])[] = [
  ["with a length", HELLO, ["head 200 5", "data", "end"], "hello", true],
  ["without a body", "HTTP/1.1 204 No Content\r\n\r\n", ["head 204 0", "end"], "", true],
  [
    "not modified, with the length of what was not sent",
    "HTTP/1.1 304 N\r\nContent-Length: 5\r\n\r\n",
    ["head 304 0", "end"],
    "",
    true,
  ],
  ["of length 0", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ["head 200 0", "end"], "", true],
  [
    "in chunks, with a trailer",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nX-Sum: 1\r\n\r\n",
    ["head 200 ?", "data", "end"],
    "hello",
    true,
  ],
  ["in no chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", ["head 200 ?", "end"], "", true],
  [
    "behind provisional ones",
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${HELLO}`,
    ["inform 103", "head 200 5", "data", "end"],
    "hello",
    true,
  ],
  [
    "of HTTP/1.0 that is kept alive",
    "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 5\r\n\r\nhello",
    ["head 200 5", "data", "end"],
    "hello",
    true,
  ],
  ["of HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", ["head 200 5", "data", "end"], "hello", false],
  [
    "that closes",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: x, Close\r\n\r\nhello",
    ["head 200 5", "data", "end"],
    "hello",
    false,
  ],
  ["with bytes behind it", `${HELLO}HTTP/1.1 200 OK\r\n\r\n`, ["head 200 5", "data", "end"], "hello", false],
  ["that is no HTTP", "220 ready\r\n\r\n", ["failed backend-garbled sent"], "", false],
  ["behind an empty line", `\r\n${HELLO}`, ["failed backend-garbled sent"], "", false],
  [
    "with two lengths",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    ["failed backend-garbled sent"],
    "",
    false,
  ],
  ["that changes the protocol unasked", "HTTP/1.1 101 Switching\r\n\r\n", ["failed backend-garbled sent"], "", false],
  [
    "with a chunk that is none",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\nxx\r\n",
    ["head 200 ?", "data", "failed backend-garbled sent"],
    "hel",
    false,
  ],
];

for (const [title, answer, events, body, isKept] of ANSWERS) {
  test(`answers: one ${title} is heard the same at once and byte by byte`, async (t) => {
    const bytes = [...Buffer.from(answer, "latin1")].map((byte) => Buffer.of(byte));
    const scene = await backScene(t, {
      answer: (socket, head) => (head.startsWith("GET /bytes") ? void inPieces(socket, bytes) : socket.write(answer, "latin1")),
    });
    for (const target of ["/", "/bytes"]) {
      const taker = await scene.get({ target });
      t.deepEqual(taker.events, [...events], target);
      t.is(taker.text, body, target);
    }
    t.is(scene.sockets.length, isKept ? 1 : 2);
  });
}

test("answers: a trailer is handed on", async (t) => {
  const answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-Sum: 1\r\n\r\n";
  const scene = await backScene(t, { answer: (socket) => socket.write(answer) });
  t.deepEqual((await scene.get()).trailers, ["X-Sum", "1"]);
});

test("answers: each piece is handed on when it comes", async (t) => {
  const scene = await backScene(t, { answer: (socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n") });
  const taker = new Recorder();
  (await scene.take()).ask(get(), undefined, taker);
  await until(() => taker.events.length === 1);
  scene.sockets[0]?.write("a");
  await until(() => taker.text === "a");
  scene.sockets[0]?.write("b");
  await taker.over;
  t.is(taker.text, "ab");
});

test("answers: the answer to HEAD has no body, whatever its length says", async (t) => {
  const scene = await backScene(t, { answer: (socket) => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n") });
  t.deepEqual((await scene.get({ method: "HEAD" })).events, ["head 200 0", "end"]);
  t.deepEqual((await scene.get({ method: "HEAD" })).events, ["head 200 0", "end"]);
  t.is(scene.sockets.length, 1);
});

test("answers: one without a length ends with the connection", async (t) => {
  const scene = await backScene(t, { answer: (socket) => socket.end("HTTP/1.1 200 OK\r\n\r\nhello") });
  const taker = await scene.get();
  t.deepEqual(taker.events, ["head 200 ?", "data", "end"]);
  t.is(taker.text, "hello");
  t.deepEqual((await scene.get()).events, ["head 200 ?", "data", "end"]);
  t.is(scene.sockets.length, 2);
});

test("answers: one without a length that ends by a reset is not whole", async (t) => {
  const scene = await backScene(t, { answer: (socket) => socket.write("HTTP/1.1 200 OK\r\n\r\nhello") });
  const taker = new Recorder();
  taker.onData = () => scene.sockets[0]?.resetAndDestroy();
  (await scene.take()).ask(get(), undefined, taker);
  await taker.over;
  t.deepEqual(taker.events, ["head 200 ?", "data", "failed backend-lost sent"]);
});

for (const [title, answer, events] of [
  ["before its head", "", ["failed backend-lost sent"]],
  ["inside its head", "HTTP/1.1 200 OK\r\nConte", ["failed backend-lost sent"]],
  ["inside its length", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", ["head 200 6", "data", "failed backend-lost sent"]],
  [
    "inside its chunks",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ["head 200 ?", "data", "failed backend-lost sent"],
  ],
  [
    "inside its trailers",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n",
    ["head 200 ?", "failed backend-lost sent"],
  ],
] as const) {
  test(`answers: a backend that closes ${title} has lost the answer`, async (t) => {
    const scene = await backScene(t, { answer: (socket) => socket.end(answer) });
    t.deepEqual((await scene.get()).events, [...events]);
  });
}

test("answers: a head that never ends is garbled, and quoted nowhere", async (t) => {
  const scene = await backScene(t, { answer: (socket) => socket.write(`HTTP/1.1 200 OK\r\nA: ${"s3cret".repeat(100_000)}`) });
  const taker = await scene.get();
  t.deepEqual(taker.events, ["failed backend-garbled sent"]);
  t.false(taker.failure?.message.includes("s3cret"));
});

test("answers: provisional ones without end are garbled", async (t) => {
  const scene = await backScene(t, { answer: (socket) => socket.write("HTTP/1.1 102 Processing\r\n\r\n".repeat(20_000)) });
  const taker = await scene.get();
  t.is(taker.events.at(-1), "failed backend-garbled sent");
});
