// What a client in HTTP/2 may not do, how long it may take, and how it leaves.

import { once } from "node:events";
import { constants } from "node:http2";
import test from "ava";
import { Failure } from "@postern/contracts";
import type { Handler } from "../exchange.ts";
import { ask, client, hear } from "./test/http2-client.ts";
import { echo, gate, openScene, sayOk, theBody } from "./test/scene.ts";
import { until } from "../../test/until.ts";

const MINUTE = 60_000;

test("http2: a drain sends GOAWAY, and what is under way is answered", async (t) => {
  const { opened, open } = gate();
  const scene = await openScene(t, { handler: (exchange) => opened.then(() => sayOk(exchange, "done|")), wire: "h2c" });
  const session = await client(t, scene);
  const heard = ask(session, {});
  await until(() => scene.sessions[0]?.requests === 1);
  t.true(scene.hosted[0]?.owes);
  const away = once(session, "goaway");
  scene.hosted[0]?.end("drained", new Failure("shutting-down", "The gateway is stopping"));
  await away;
  open();
  t.is((await heard).text, "done|");
  t.is((await scene.end()).ending, "drained");
});

test("http2: a connection without a request is let go after a while", async (t) => {
  const scene = await openScene(t, { handler: echo, wire: "h2c" });
  const session = await client(t, scene);
  await ask(session, {});
  await scene.clock.advance(3 * MINUTE);
  t.is((await scene.end()).ending, "idle");
});

test("http2: a body that stands still is given up", async (t) => {
  const heard: string[] = [];
  const handler: Handler = ({ request }) =>
    new Promise((resolve) => {
      request.body?.start({ data: () => true, end: () => t.fail(), broken: ({ kind }) => resolve(void heard.push(kind)) });
    });
  const scene = await openScene(t, { handler, wire: "h2c" });
  const session = await client(t, scene);
  const stream = session.request({ ":path": "/", ":method": "POST" }, { endStream: false });
  stream.write("x");
  const whole = hear(stream);
  await until(() => scene.sessions[0]?.requests === 1);
  await scene.clock.advance(MINUTE + 2000);
  t.is((await whole).code, constants.NGHTTP2_CANCEL);
  t.deepEqual(heard, ["client-gone"]);
});

const frame = (type: number, flags: number, stream: number, payload: string): string =>
  String.fromCharCode(0, 0, payload.length, type, flags, 0, 0, 0, stream) + payload;
/** Preface, SETTINGS, and POST / of the host "a", with three bytes of a body. */
const BEGUN = `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${frame(4, 0, 0, "")}${frame(1, 4, 1, "\x83\x86\x84\x41\x01a")}${frame(0, 0, 1, "abc")}`;

for (const [title, rest] of [
  ["a reset", frame(3, 0, 1, "\0\0\0\x08")],
  ["a reset without an error", frame(3, 0, 1, "\0\0\0\0")],
  ["the end of the connection", undefined],
] as const) {
  test(`http2: a body that is cut off by ${title} is never taken for a whole one`, async (t) => {
    const heard: string[] = [];
    const handler: Handler = ({ request }) =>
      new Promise((resolve) => {
        const over = (what: string): void => resolve(void heard.push(what));
        theBody(request).start({ data: () => heard.push("data") > 0, end: () => over("end"), broken: ({ kind }) => over(kind) });
      });
    const scene = await openScene(t, { handler, wire: "h2c" });
    const wire = (await scene.connect()).say(BEGUN);
    await until(() => heard.length === 1);
    if (rest === undefined) wire.socket.end();
    else wire.say(rest);
    await until(() => heard.length > 1);
    t.deepEqual(heard, ["data", "client-gone"]);
  });
}

test("http2: a client that resets again and again loses its connection", async (t) => {
  const scene = await openScene(t, {
    handler: ({ answer }) =>
      new Promise((resolve) => {
        answer.onGone = resolve;
      }),
    wire: "h2c",
  });
  const session = await client(t, scene);
  const isOver = new Promise((resolve) => session.on("close", resolve));
  for (let i = 0; i < 1000 && !session.destroyed; i += 1) {
    const stream = session.request({ ":path": "/" });
    stream.on("error", () => {});
    stream.close(constants.NGHTTP2_CANCEL);
    if (i % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await isOver;
  await scene.end();
  t.true((scene.sessions[0]?.requests ?? 0) < 400);
});
