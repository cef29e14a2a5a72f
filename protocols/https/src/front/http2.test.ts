import { constants } from "node:http2";
import test from "ava";
import type { Handler, HttpRequest } from "../exchange.ts";
import { ask, client, hear } from "./test/http2-client.ts";
import { bodyOf, echo, gate, openScene, sayOk, theBody } from "./test/scene.ts";
import { until } from "../../test/until.ts";

test("http2: requests and bodies, behind TLS that was made by hand", async (t) => {
  const scene = await openScene(t, { handler: echo, wire: "tls" });
  const session = await client(t, scene, "https");
  const [one, two] = await Promise.all([
    ask(session, { ":path": "/1" }),
    ask(session, { ":path": "/2", ":method": "POST" }, "x".repeat(300_000)),
  ]);
  t.is(one.text, "GET /1 -|");
  t.is(two.text, `POST /2 ${"x".repeat(300_000)}|`);
  session.close();
  t.is((await scene.end()).ending, "client-closed");
  t.is(scene.sessions[0]?.requests, 2);
  t.true((scene.sessions[0]?.bytesIn ?? 0) > 300_000);
});

test("http2: pseudo-fields become what HTTP/1.1 calls them, and Cookie is one again", async (t) => {
  const seen: HttpRequest[] = [];
  const handler: Handler = (exchange) => {
    seen.push(exchange.request);
    t.true(exchange.client.isShared);
    return sayOk(exchange, "|");
  };
  const session = await client(t, await openScene(t, { handler, wire: "h2c" }));
  await ask(session, { ":path": "/a?b", ":authority": "Mail.example.com:8443", "x-a": ["1", "2"], cookie: ["a=1", "b=2"] });
  t.like(seen[0], { method: "GET", target: "/a?b", host: "mail.example.com", authority: "Mail.example.com:8443", version: "2" });
  t.deepEqual(seen[0]?.fields, ["x-a", "1", "x-a", "2", "cookie", "a=1; b=2"]);
  t.is(seen[0]?.body, undefined);
});

for (const status of [200, 204, 304, 451]) {
  test(`http2: nothing overtakes an answer of ${status} without a body to a request whose body nobody reads`, async (t) => {
    const handler: Handler = ({ answer }) => {
      answer.begin({ status, reason: "", fields: [] }, 0);
      answer.end();
      return Promise.resolve();
    };
    const session = await client(t, await openScene(t, { handler, wire: "h2c" }));
    t.is((await ask(session, { ":method": "POST" }, "x")).status, status);
  });
}

test("http2: fields of an answer are in small letters and in order, twice where they were, without those of HTTP/1.1", async (t) => {
  const handler: Handler = ({ answer }) => {
    const fields = [
      "Set-Cookie",
      "a=1",
      "Connection",
      "x",
      "ETag",
      "e",
      "Set-Cookie",
      "b=2",
      "Content-Type",
      "a/b",
      "Content-Type",
      "c/d",
    ];
    answer.begin({ status: 200, reason: "OK", fields }, 1);
    answer.write(Buffer.from("|"));
    answer.end();
    return Promise.resolve();
  };
  const session = await client(t, await openScene(t, { handler, wire: "h2c" }));
  const { raw } = await ask(session, {});
  const expected = ["set-cookie", "a=1", "etag", "e", "set-cookie", "b=2", "content-type", "a/b", "content-type", "c/d"];
  t.deepEqual(raw, [":status", "200", ...expected, "content-length", "1"]);
});

test("http2: trailers go both ways", async (t) => {
  const handler: Handler = async ({ request, answer }) => {
    const taken = await bodyOf(theBody(request));
    answer.begin({ status: 200, reason: "OK", fields: [] }, undefined);
    answer.write(Buffer.from(`${taken.text} ${taken.trailers.join("=")}`));
    answer.end(["X-Sum", "7"]);
  };
  const session = await client(t, await openScene(t, { handler, wire: "h2c" }));
  const stream = session.request({ ":path": "/", ":method": "POST" }, { endStream: false, waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "x-in": "8" }));
  stream.end("hi");
  const { text, trailers } = await hear(stream);
  t.is(text, "hi x-in=8");
  t.like(trailers, { "x-sum": "7" });
});

for (const [title, headers, status] of [
  ["two hosts", { ":authority": "a.example", host: "b.example" }, 400],
  ["a long target", { ":path": `/${"a".repeat(20_000)}` }, 414],
  ["a fragment", { ":path": "/a#b" }, 400],
  ["another expectation", { expect: "the-best" }, 417],
  ["a method that nobody has", { ":method": "M".repeat(33) }, 501],
  ["HTTP/2 inside of HTTP/2", { ":method": "CONNECT", ":protocol": "h2c", ":scheme": "http", ":authority": "a" }, 501],
] as const) {
  test(`http2: ${title} is answered ${status}`, async (t) => {
    const scene = await openScene(t, { handler: () => Promise.reject(new Error("Nobody is to be asked")), wire: "h2c" });
    const session = await client(t, scene);
    t.is((await ask(session, headers)).status, status);
    t.deepEqual(scene.logger.records, []);
  });
}

for (const [title, headers] of [
  ["no path", { ":path": "a" }],
  ["a host with a user", { ":authority": "a@b" }],
] as const) {
  test(`http2: ${title} is no request of HTTP/2: the stream is reset`, async (t) => {
    const scene = await openScene(t, { handler: echo, wire: "h2c" });
    const heard = await ask(await client(t, scene), headers);
    t.deepEqual([heard.status, heard.code], [undefined, constants.NGHTTP2_PROTOCOL_ERROR]);
    t.is(scene.sessions[0]?.requests, undefined);
  });
}

test("http2: HEAD, 204 and 304 have no body", async (t) => {
  const handler: Handler = ({ request, answer }) => {
    answer.begin({ status: Number(request.target.slice(1)), reason: "", fields: ["Content-Length", "5"] }, 5);
    answer.write(Buffer.from("12345"));
    answer.end();
    return Promise.resolve();
  };
  const session = await client(t, await openScene(t, { handler, wire: "h2c" }));
  for (const [method, path] of [
    ["HEAD", "/200"],
    ["GET", "/204"],
    ["GET", "/304"],
  ]) {
    const heard = await ask(session, { ":method": method, ":path": path });
    t.deepEqual([heard.status, heard.text, heard.code], [Number(path?.slice(1)), "", 0]);
  }
});

test("http2: 100 Continue is said when the body is wanted", async (t) => {
  const session = await client(t, await openScene(t, { handler: echo, wire: "h2c" }));
  const stream = session.request({ ":path": "/", ":method": "POST", expect: "100-continue" }, { endStream: false });
  stream.on("continue", () => stream.end("hi"));
  t.is((await hear(stream)).text, "POST / hi|");
});

test("http2: an answer that comes before its request is whole ends it without an error", async (t) => {
  const session = await client(t, await openScene(t, { handler: (exchange) => sayOk(exchange, "no|"), wire: "h2c" }));
  const stream = session.request({ ":path": "/", ":method": "POST" }, { endStream: false });
  stream.write("x");
  const { text, code } = await hear(stream);
  t.deepEqual([text, code], ["no|", constants.NGHTTP2_NO_ERROR]);
});

test("http2: what is cut, or is not as long as announced, is reset", async (t) => {
  const handler: Handler = ({ answer, request }) => {
    answer.begin({ status: 200, reason: "OK", fields: [] }, 5);
    answer.write(Buffer.from("12"));
    if (request.target === "/cut") answer.cut();
    else answer.end();
    return Promise.resolve();
  };
  const session = await client(t, await openScene(t, { handler, wire: "h2c" }));
  for (const path of ["/cut", "/short"]) t.is((await ask(session, { ":path": path })).code, constants.NGHTTP2_INTERNAL_ERROR);
});

test("http2: a login that belongs to a connection is sent to HTTP/1.1", async (t) => {
  const handler: Handler = ({ answer }) => Promise.resolve(answer.requireHttp11());
  const session = await client(t, await openScene(t, { handler, wire: "h2c" }));
  t.is((await ask(session, {})).code, constants.NGHTTP2_HTTP_1_1_REQUIRED);
});

test("http2: an extended CONNECT becomes a stream", async (t) => {
  const handler: Handler = ({ answer, request }) => {
    t.like(request, { method: "CONNECT", upgrade: "websocket", target: "/chat", body: undefined });
    const { stream } = answer.switch({ status: 101, reason: "", fields: ["Sec-X", "y"] });
    stream.on("data", (chunk: Buffer) => stream.end(`got ${chunk.toString()}`));
    return new Promise((resolve) => stream.on("close", resolve));
  };
  const session = await client(t, await openScene(t, { handler, wire: "h2c" }));
  t.true(session.remoteSettings.enableConnectProtocol);
  const stream = session.request({ ":method": "CONNECT", ":protocol": "websocket", ":path": "/chat" }, { endStream: false });
  stream.on("end", () => stream.end());
  stream.write("hello");
  const heard = await hear(stream);
  t.deepEqual([heard.status, heard.text], [200, "got hello"]);
});

test("http2: a stream that the client resets is told, and no other", async (t) => {
  const gone: string[] = [];
  const { opened, open } = gate();
  const handler: Handler = async (exchange) => {
    exchange.answer.onGone = () => {
      gone.push(exchange.request.target);
      open();
    };
    await opened;
    if (gone[0] !== exchange.request.target) await sayOk(exchange, "|");
  };
  const scene = await openScene(t, { handler, wire: "h2c" });
  const session = await client(t, scene);
  const other = ask(session, { ":path": "/other" });
  const stream = session.request({ ":path": "/gone" });
  stream.on("error", () => {});
  await until(() => scene.sessions[0]?.requests === 2);
  stream.close(constants.NGHTTP2_CANCEL);
  t.is((await other).text, "|");
  t.deepEqual(gone, ["/gone"]);
});

test("http2: a request that is left without an answer is a defect: 500, and logged", async (t) => {
  const scene = await openScene(t, { handler: () => Promise.resolve(), wire: "h2c" });
  const session = await client(t, scene);
  t.is((await ask(session, {})).status, 500);
  t.deepEqual(scene.logger.messages("error"), ["a request could not be served"]);
});
