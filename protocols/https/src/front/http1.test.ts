import test from "ava";
import { readBy } from "@postern/core";
import type { Exchange, Handler } from "../exchange.ts";
import { bodyOf, echo, gate, openScene, sayOk } from "./test/scene.ts";
import { until } from "../../test/until.ts";

const GET = "GET /a HTTP/1.1\r\nHost: mail.example.com\r\n\r\n";
const get = (target: string, more = ""): string => `GET ${target} HTTP/1.1\r\nHost: mail.example.com\r\n${more}\r\n`;
const post = (more: string, body = ""): string => `POST /p HTTP/1.1\r\nHost: mail.example.com\r\n${more}\r\n${body}`;

test("http1: a connection serves one request after the other", async (t) => {
  const scene = await openScene(t, { handler: echo });
  const wire = await scene.connect();
  t.is(await wire.say(get("/a")).until(/\|$/), "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nGET /a -|");
  t.regex(await wire.say(post("Content-Length: 2\r\n", "hi")).until(/hi\|$/), /POST \/p hi\|$/);
  wire.socket.end();
  t.is((await scene.end()).ending, "client-closed");
  t.is(scene.sessions[0]?.requests, 2);
  t.is(scene.sessions[0]?.bytesOut, wire.text.length);
});

test("http1: what was asked is handed on as it came", async (t) => {
  const seen: Exchange["request"][] = [];
  const scene = await openScene(t, {
    handler: (exchange) => {
      seen.push(exchange.request);
      return sayOk(exchange, "|");
    },
  });
  const wire = await scene.connect();
  await wire.say("GET /a?b=%2f HTTP/1.1\r\nhOST: Mail.Example.COM:8443\r\nX-B: 1\r\nx-a:2\r\nX-B: 3\r\n\r\n").until(/\|$/);
  const [request] = seen;
  t.like(request, {
    id: "s0.1",
    method: "GET",
    target: "/a?b=%2f",
    host: "mail.example.com",
    authority: "Mail.Example.COM:8443",
  });
  t.deepEqual(request?.fields, ["hOST", "Mail.Example.COM:8443", "X-B", "1", "x-a", "2", "X-B", "3"]);
  t.is(request?.body, undefined);
});

test("http1: fields of an answer keep their case and order, but those of a hop are the front's own", async (t) => {
  const scene = await openScene(t, {
    handler: ({ answer }) => {
      const fields = [
        "x-B",
        "1",
        "Connection",
        "X-Evil",
        "X-a",
        "2",
        "x-B",
        "3",
        "content-LENGTH",
        "1",
        "Transfer-Encoding",
        "gzip",
      ];
      answer.begin({ status: 299, reason: "Fine, really", fields }, 1);
      answer.write(Buffer.from("|"));
      answer.end();
      return Promise.resolve();
    },
  });
  const wire = await scene.connect();
  t.is(await wire.say(GET).until(/\|$/), "HTTP/1.1 299 Fine, really\r\nx-B: 1\r\nX-a: 2\r\nx-B: 3\r\ncontent-LENGTH: 1\r\n\r\n|");
});

for (const [title, request, status, fields, head] of [
  ["HEAD", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", 200, ["Content-Length", "5"], "HTTP/1.1 200 X\r\nContent-Length: 5\r\n\r\n"],
  ["204", get("/"), 204, ["Content-Length", "5"], "HTTP/1.1 204 X\r\n\r\n"],
  ["304", get("/"), 304, ["Content-Length", "5"], "HTTP/1.1 304 X\r\nContent-Length: 5\r\n\r\n"],
] as const) {
  test(`http1: an answer to ${title} has no body, whatever is written`, async (t) => {
    const handler: Handler = (exchange) => {
      if (exchange.request.target === "/next") return sayOk(exchange, "|");
      exchange.answer.begin({ status, reason: "X", fields }, 5);
      exchange.answer.write(Buffer.from("12345"));
      exchange.answer.end();
      return Promise.resolve();
    };
    const wire = await (await openScene(t, { handler })).connect();
    t.true((await wire.say(request + get("/next")).until(/\|$/)).startsWith(`${head}HTTP/1.1 200 OK`));
  });
}

const streaming: Handler = ({ answer, request }) => {
  const trailers = request.target === "/trailers" ? ["X-Sum", "7"] : [];
  answer.begin({ status: 200, reason: "OK", fields: ["Content-Length", "99"] }, undefined);
  answer.write(Buffer.from("one"));
  answer.write(Buffer.alloc(0));
  answer.write(Buffer.from("two"));
  answer.end(trailers);
  return Promise.resolve();
};

test("http1: an answer of unknown length goes out in chunks, with its trailers", async (t) => {
  const wire = await (await openScene(t, { handler: streaming })).connect();
  const text = await wire.say(get("/trailers")).until(/\r\n\r\n$/);
  t.is(text, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\nX-Sum: 7\r\n\r\n");
});

test("http1: HTTP/1.0 hears the end of such an answer by the end of the connection", async (t) => {
  const wire = await (await openScene(t, { handler: streaming })).connect();
  t.is(
    await wire.say("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").all(),
    "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nonetwo",
  );
});

test("http1: HTTP/1.0 goes on where it asks for that, and ends otherwise", async (t) => {
  const wire = await (await openScene(t, { handler: echo })).connect();
  t.regex(await wire.say("GET /1 HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").until(/\|$/), /\r\nConnection: keep-alive\r\n/);
  t.regex(await wire.say("GET /2 HTTP/1.0\r\n\r\n").all(), /\r\nConnection: close\r\n\r\nGET \/2 -\|$/);
});

test("http1: requests that were sent ahead wait for the answers before them", async (t) => {
  const { opened, open } = gate();
  const begun: string[] = [];
  const scene = await openScene(t, {
    handler: async (exchange) => {
      begun.push(exchange.request.target);
      if (begun.length === 1) await opened;
      await sayOk(exchange, `${exchange.request.target}|`);
    },
  });
  const wire = await scene.connect();
  wire.say(get("/1") + get("/2") + get("/3")).say(get("/4"));
  await until(() => begun.length > 0);
  await new Promise(setImmediate);
  t.deepEqual(begun, ["/1"]);
  open();
  const text = await wire.until(/\/4\|$/);
  t.deepEqual(text.match(/\/\d\|/g), ["/1|", "/2|", "/3|", "/4|"]);
});

test("http1: chunks of a body are put together, with their trailers", async (t) => {
  const handler: Handler = async (exchange) => {
    const { body } = exchange.request;
    const taken = body === undefined ? undefined : await bodyOf(body);
    await sayOk(exchange, `${taken?.text} ${taken?.trailers.join("=")} ${taken?.calls}|`);
  };
  const wire = await (await openScene(t, { handler })).connect();
  const text = await wire.say(post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n1\r\nd\r\n0\r\nX-Sum: 7\r\n\r\n")).until(/\|$/);
  t.regex(text, /abcd X-Sum=7 1\|$/);
});

test("http1: 100 Continue is said when the body is wanted, and not before", async (t) => {
  const { opened, open } = gate();
  const scene = await openScene(t, {
    handler: async (exchange) => {
      await opened;
      await echo(exchange);
    },
  });
  const wire = await scene.connect();
  wire.say(post("Expect: 100-continue\r\nContent-Length: 2\r\n"));
  await until(() => scene.sessions[0]?.requests === 1);
  t.is(wire.text, "");
  open();
  t.is(await wire.until(/\r\n\r\n$/), "HTTP/1.1 100 Continue\r\n\r\n");
  t.regex(await wire.say("hi").until(/\|$/), /POST \/p hi\|$/);
});

test("http1: an answer in place of 100 Continue is the last one", async (t) => {
  const wire = await (await openScene(t, { handler: (exchange) => sayOk(exchange, "no|") })).connect();
  const text = await wire.say(post("Expect: 100-continue\r\nContent-Length: 2\r\n")).all();
  t.is(text, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno|");
});

test("http1: a small body that nobody wants is read over", async (t) => {
  const wire = await (await openScene(t, { handler: (exchange) => sayOk(exchange, `${exchange.request.target}|`) })).connect();
  wire.say(post("Content-Length: 20\r\n", "GET /evil HTTP/1.1\r\n"));
  t.deepEqual((await wire.say(get("/next")).until(/next\|$/)).match(/\/\w+\|/g), ["/p|", "/next|"]);
});

test("http1: behind a large body that nobody wants the connection ends", async (t) => {
  const wire = await (await openScene(t, { handler: (exchange) => sayOk(exchange, "no|") })).connect();
  t.regex(await wire.say(post("Content-Length: 65537\r\n", "x")).all(), /\r\nConnection: close\r\n\r\nno\|$/);
  const other = await (await openScene(t, { handler: (exchange) => sayOk(exchange, "no|") })).connect();
  t.regex(await other.say(post("Transfer-Encoding: chunked\r\n", "1\r\nx\r\n")).all(), /\r\nConnection: close\r\n\r\nno\|$/);
});

for (const [written, announced] of [
  [3, 5],
  [7, 5],
] as const) {
  test(`http1: an answer of ${written} bytes that announced ${announced} is cut`, async (t) => {
    const scene = await openScene(t, {
      handler: ({ answer }) => {
        answer.begin({ status: 200, reason: "OK", fields: [] }, announced);
        answer.write(Buffer.alloc(written, "x"));
        answer.end();
        return Promise.resolve();
      },
    });
    const wire = await scene.connect();
    const text = await wire.say(get("/") + get("/next")).all();
    t.notRegex(text, /HTTP.*HTTP/s);
    await scene.end();
  });
}

test("http1: a request that is left without an answer is a defect: 500, logged, and the end", async (t) => {
  for (const handler of [
    () => Promise.resolve(),
    () => Promise.reject(new Error("oh")),
    () => {
      throw new Error("oh");
    },
  ]) {
    const scene = await openScene(t, { handler });
    const wire = await scene.connect();
    t.regex(await wire.say(GET).all(), /^HTTP\/1\.1 500 /);
    t.deepEqual(scene.logger.messages("error"), ["a request could not be served"]);
    wire.socket.end();
    t.like(await scene.end(), { ending: "refused", failure: { kind: "internal" } });
  }
});

test("http1: half an answer is a defect: logged, and cut", async (t) => {
  const scene = await openScene(t, {
    handler: ({ answer }) => {
      answer.begin({ status: 200, reason: "OK", fields: [] }, undefined);
      answer.write(Buffer.from("half"));
      return Promise.resolve();
    },
  });
  const wire = await scene.connect();
  t.notRegex(await wire.say(GET).all(), /0\r\n\r\n$/);
  t.is(scene.logger.messages("error").length, 1);
  t.is((await scene.end()).ending, "refused");
});

test("http1: an upgrade hands the connection over, with what came early", async (t) => {
  const scene = await openScene(t, {
    handler: ({ answer, request }) => {
      t.is(request.upgrade, "websocket");
      const { stream, early } = answer.switch({ status: 101, reason: "Switching Protocols", fields: ["Sec-X", "y"] });
      stream.write(`early ${early.toString()};`);
      readBy(stream, { feed: (chunk) => Boolean(stream.end(`late ${chunk.toString()};`)) });
      stream.resume();
      return new Promise((resolve) => stream.on("close", resolve));
    },
  });
  const wire = await scene.connect();
  await wire.say(`${get("/", "Connection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n")}abc`).until(/abc;$/);
  t.is(
    await wire.say("def").all(),
    "HTTP/1.1 101 Switching Protocols\r\nSec-X: y\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly abc;late def;",
  );
  wire.socket.end();
  t.is((await scene.end()).ending, "client-closed");
});

test("http1: so many requests, and the connection ends", async (t) => {
  const scene = await openScene(t, { handler: echo, settings: { requestsPerConnection: 2 } });
  const wire = await scene.connect();
  const text = await wire.say(get("/1") + get("/2") + get("/3")).all();
  t.deepEqual(text.match(/GET \/\d|Connection: close/g), ["GET /1", "Connection: close", "GET /2"]);
});
