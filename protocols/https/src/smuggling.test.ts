// What a hostile client says, and to the byte what a backend hears of it.

import test from "ava";
import { webScene } from "../test/web-scene.ts";
import { ask, client } from "./front/test/http2-client.ts";

/** Whatever gets through is followed by this, on the same connection. */
const NEXT = "GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const HEARD_NEXT = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n";
const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
const post = (lines: string, body = ""): string => `POST / HTTP/1.1\r\nHost: a\r\n${lines}\r\n${body}`;

/** Refused with this status, and nothing more is read: no backend hears a word. */
const REFUSED: readonly (readonly [title: string, text: string, status: number])[] = [
  ["a length and chunks", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", `0\r\n\r\n${SMUGGLED}`), 400],
  ["chunks and a length", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", `0\r\n\r\n${SMUGGLED}`), 400],
  ["chunks twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", `0\r\n\r\n${SMUGGLED}`), 400],
  ["another coding", post("Transfer-Encoding: gzip, chunked\r\n", `0\r\n\r\n${SMUGGLED}`), 501],
  ["a coding that only looks like chunks", post("Transfer-Encoding: xchunked\r\n", SMUGGLED), 501],
  ["a coding in quotes", post('Transfer-Encoding: "chunked"\r\n', SMUGGLED), 501],
  ["a coding behind a vertical tab", post("Transfer-Encoding: \x0bchunked\r\n", SMUGGLED), 400],
  ["a coding behind a form feed", post("Transfer-Encoding:\fchunked\r\n", SMUGGLED), 400],
  ["a space before the colon", post("Transfer-Encoding : chunked\r\n", SMUGGLED), 400],
  ["a folded coding", post("Transfer-Encoding:\r\n chunked\r\n", SMUGGLED), 400],
  ["a name behind a space", post(" Transfer-Encoding: chunked\r\n", SMUGGLED), 400],
  ["a NUL in a name", post("Transfer-Encoding\0: chunked\r\n", SMUGGLED), 400],
  ["a name that is no ASCII", post("Transfer-Encoding\xa0: chunked\r\n", SMUGGLED), 400],
  ["chunks in HTTP/1.0", `POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${SMUGGLED}`, 400],
  ["two lengths", post("Content-Length: 0\r\nContent-Length: 35\r\n", SMUGGLED), 400],
  ["one length twice", post("Content-Length: 0\r\nContent-Length: 0\r\n", SMUGGLED), 400],
  ["a list of lengths", post("Content-Length: 0, 0\r\n", SMUGGLED), 400],
  ["a length with a sign", post("Content-Length: +0\r\n", SMUGGLED), 400],
  ["a negative length", post("Content-Length: -1\r\n", SMUGGLED), 400],
  ["a length in hex", post("Content-Length: 0x0\r\n", SMUGGLED), 400],
  ["an empty length", post("Content-Length:\r\n", SMUGGLED), 400],
  ["a length with a point", post("Content-Length: 0.0\r\n", SMUGGLED), 400],
  ["a length beyond numbers", post("Content-Length: 18446744073709551616\r\n", SMUGGLED), 400],
  ["a bare LF behind a field", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400],
  ["a bare LF at the head's end", `GET / HTTP/1.1\r\nHost: a\r\nX: b\n\n${SMUGGLED}`, 400],
  ["a bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: b\rY: c\r\n\r\n", 400],
  ["a CR before CRLF", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\r\n\r\n", 400],
  ["a target with a space", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ["a tab for a space", "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ["HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505],
  ["HTTP/0.9", "GET /\r\n\r\n", 400],
  ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
  ["two hosts", "GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", 400],
  ["no host", "GET / HTTP/1.1\r\n\r\n", 400],
  ["a host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400],
  ["a host with a user", "GET / HTTP/1.1\r\nHost: user@a\r\n\r\n", 400],
  ["a target of another host", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ["another scheme", "GET file:///etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n", 400],
  ["CONNECT", "CONNECT a:25 HTTP/1.1\r\nHost: a:25\r\n\r\n", 501],
  ["a fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400],
];

for (const [title, text, status] of REFUSED)
  test(`smuggling: ${title} is refused, and no backend hears of it`, async (t) => {
    const scene = await webScene(t);
    const wire = await scene.connect();
    const all = await wire.say(text).say(NEXT).all();
    t.regex(all, new RegExp(`^HTTP/1\\.1 ${status} [^]*Connection: close\r\n`));
    t.is(all.match(/HTTP\/1\.1 \d/g)?.length, 1);
    t.deepEqual(scene.heard, []);
  });

for (const [title, text] of [
  ["two logins", "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YTpi\r\nAuthorization: NTLM TlRM\r\n\r\n"],
  ["a path of two services", "GET /owa/..%2fews HTTP/1.1\r\nHost: a\r\n\r\n"],
] as const)
  test(`smuggling: ${title}: it is refused, and the next request is served`, async (t) => {
    const scene = await webScene(t);
    const wire = await scene.connect();
    t.regex(await wire.say(text).say(NEXT).all(), /^HTTP\/1\.1 400 [^]*HTTP\/1\.1 200 /);
    t.deepEqual(scene.heard, [HEARD_NEXT]);
  });

/** What goes on is one request, and the next one begins where it does. */
const PASSED: readonly (readonly [title: string, text: string, heard: string])[] = [
  [
    "a body of an announced length",
    post(`Content-Length: ${SMUGGLED.length}\r\n`, SMUGGLED),
    post(`Content-Length: ${SMUGGLED.length}\r\n`, SMUGGLED),
  ],
  [
    "a GET with a body",
    `GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi`,
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi",
  ],
  ["a length with zeros", post("Content-Length: 0002\r\n", "hi"), post("Content-Length: 2\r\n", "hi")],
  [
    "chunks with extensions, and forbidden trailers",
    post(
      "TRANSFER-encoding: Chunked\r\n",
      "02;a=b\r\nhi\r\n0;x\r\nContent-Length: 5\r\nHost: b\r\nAuthorization: Basic x\r\nX-Forwarded-For: c\r\nX-Ok: 1\r\n\r\n",
    ),
    post("Transfer-Encoding: chunked\r\n", "2\r\nhi\r\n0\r\nX-Ok: 1\r\n\r\n"),
  ],
  [
    "fields that Connection names",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Hop, Host, Cookie, Content-Length\r\nHop: 1\r\nCookie: c=1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nCookie: c=1\r\n\r\n",
  ],
  [
    "framings in other spellings",
    "GET / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\nContent_Length: 9\r\nContent.Length: 9\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  ],
  ["a target in absolute-form", "GET http://A/b?c HTTP/1.1\r\nHost: a\r\n\r\n", "GET /b?c HTTP/1.1\r\nHost: A\r\n\r\n"],
  ["an empty line before it", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"],
  [
    "an upgrade to h2c",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  ],
  [
    "an upgrade behind a body",
    post("Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 2\r\n", "hi"),
    post("Content-Length: 2\r\n", "hi"),
  ],
];

for (const [title, text, heard] of PASSED)
  test(`smuggling: ${title}: the backend sees one request, and ends it where the gateway does`, async (t) => {
    const scene = await webScene(t);
    const wire = await scene.connect();
    const all = await wire.say(text).say(NEXT).all();
    t.is(all.match(/HTTP\/1\.1 200 /g)?.length, 2, all);
    t.is(scene.heard.join(""), heard + HEARD_NEXT);
  });

for (const [title, bytes] of [
  ["a chunk that is shorter than its size", "5\r\nhi\r\n0\r\n\r\n"],
  ["a chunk that is longer than its size", "1\r\nhi\r\n0\r\n\r\n"],
  ["a chunk's size with a bare LF", "2\nhi\r\n0\r\n\r\n"],
  ["a chunk's size with a sign", "+2\r\nhi\r\n0\r\n\r\n"],
  ["a chunk's size behind 0x", "0x2\r\nhi\r\n0\r\n\r\n"],
  ["a chunk's size that overflows", "FFFFFFFFFFFFFFFF2\r\nhi\r\n0\r\n\r\n"],
  ["a bare LF in an extension", "2;a\nhi\r\n0\r\n\r\n"],
  ["a trailer that is folded", "2\r\nhi\r\n0\r\nX: a\r\n b\r\n\r\n"],
] as const)
  test(`smuggling: ${title}: the backend never sees an end of the body`, async (t) => {
    const scene = await webScene(t, { answer: () => {} });
    const wire = await scene.connect();
    const all = await wire.say(post("Transfer-Encoding: chunked\r\n", bytes) + NEXT).all();
    t.regex(all, /^HTTP\/1\.1 400 /);
    t.notRegex(scene.heard.join(""), /\r\n0\r\n|next/);
  });

/** HTTP/2: what no HTTP/1.1 could be made of. */
for (const [title, headers] of [
  ["a NUL in a value", { "x-a": "b\0" }],
  ["a coding", { "transfer-encoding": "chunked" }],
  ["Connection", { connection: "x" }],
  ["an upgrade", { upgrade: "websocket" }],
  ["a space in a method", { ":method": "GET / HTTP/1.1\r\nX:" }],
  ["a line end in a path", { ":path": "/ HTTP/1.1\r\nX: y" }],
  ["a space in a path", { ":path": "/a b" }],
  ["a line end in a host", { ":authority": "a\r\nX: y" }],
  ["a colon in a name", { "x:y": "1" }],
  ["two lengths", { "content-length": ["1", "2"] }],
  ["a length that lies", { "content-length": "5" }],
] as const)
  test(`smuggling: ${title} in HTTP/2 reaches no backend`, async (t) => {
    const scene = await webScene(t);
    const session = await client(t, scene.http2);
    // Some of it the client itself refuses to send.
    const heard = await Promise.resolve()
      .then(() => ask(session, headers as never))
      .catch(() => undefined);
    t.not(heard?.status, 200);
    t.deepEqual(scene.heard, []);
  });

test("smuggling: a field of HTTP/2 with a line end in it is left out", async (t) => {
  const scene = await webScene(t);
  const session = await client(t, scene.http2);
  await ask(session, { ":authority": "a", "x-a": "b\r\nTransfer-Encoding: chunked", "x-c": "1" });
  t.is(scene.heard[0], "GET / HTTP/1.1\r\nHost: a\r\nx-c: 1\r\n\r\n");
});

test("smuggling: HTTP/2 cookies become one field, and only our own is taken out of it", async (t) => {
  const scene = await webScene(t);
  const session = await client(t, scene.http2);
  await ask(session, { ":authority": "a", cookie: ["a=1", "postern=sealed", "b=2; postern=x"] });
  t.is(scene.heard[0], "GET / HTTP/1.1\r\nHost: a\r\ncookie: a=1; b=2\r\n\r\n");
});

test("smuggling: a second answer that nobody asked for is heard by nobody", async (t) => {
  const poison = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";
  const scene = await webScene(t, {
    answer: (socket, head) => {
      const target = /^\S+ (\S+)/.exec(head)?.[1] ?? "";
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${target.length}\r\n\r\n${target}${target === "/bad" ? poison : ""}`);
    },
  });
  const [eve, alice] = [await scene.connect(), await scene.connect()];
  await eve.say("GET /bad HTTP/1.1\r\nHost: a\r\n\r\n").until(/\/bad/);
  await alice.say("GET /good HTTP/1.1\r\nHost: a\r\n\r\n").until(/\/good/);
  t.notRegex(eve.text + alice.text, /poison/);
  t.is(scene.heard.length, 2);
});

for (const [title, answer] of [
  ["a length and chunks", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!"],
  ["a bare LF", "HTTP/1.1 200 OK\nX: y\r\n\r\n"],
  ["a bare CR in a value", "HTTP/1.1 200 OK\r\nLocation: /\rSet-Cookie: a=b\r\n\r\n"],
  ["a folded field", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n"],
  ["a protocol that nobody asked for", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"],
  ["more provisional answers than anybody sends", "HTTP/1.1 103 X\r\n\r\n".repeat(1001)],
  ["a head without an end", `HTTP/1.1 200 OK\r\nX: ${"y".repeat(300_000)}`],
  ["more fields than anybody sends", `HTTP/1.1 200 OK\r\n${"X: y\r\n".repeat(1001)}\r\n`],
] as const)
  test(`smuggling: an answer with ${title} is a bad gateway, and its connection serves nobody else`, async (t) => {
    let count = 0;
    const scene = await webScene(t, { answer: (socket) => socket.write(count++ === 0 ? answer : "HTTP/1.1 204 No\r\n\r\n") });
    const wire = await scene.connect();
    const text = await wire.say("POST / HTTP/1.1\r\nHost: a\r\n\r\n").until(/502 Bad Gateway[^]*\r\n\r\n/);
    t.notRegex(text, /Set-Cookie: a=b/);
    await wire.say(NEXT).until(/ 204 /);
    t.is(scene.heard.length, 2);
  });
