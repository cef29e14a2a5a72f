// Reads share buffers (packages/net/src/own-reads.ts). Here many bodies flow at the same time, some read slowly, some given up: nobody ever gets a
// byte of anybody else's.

import { connect as connectTcp } from "node:net";
import test from "ava";
import { until } from "../test/until.ts";
import { webScene, type WebScene } from "../test/web-scene.ts";
import { client } from "./front/test/http2-client.ts";

const SIZE = 2_000_000;
const MANY = 10;

/** Each byte of an answer is the number in its target. */
const scene = (t: Parameters<typeof webScene>[0]): Promise<WebScene> =>
  webScene(t, {
    answer(socket, head) {
      const number = Number(/^\S+ \/(\d+)/.exec(head)?.[1] ?? 0);
      if (head.includes("chunked")) socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      else socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
      for (let sent = 0; sent < SIZE; sent += SIZE / 20) {
        const piece = Buffer.alloc(SIZE / 20, number);
        if (!head.includes("chunked")) socket.write(piece);
        else for (const part of [`${piece.length.toString(16)}\r\n`, piece, "\r\n"]) socket.write(part);
      }
      if (head.includes("chunked")) socket.write("0\r\n\r\n");
    },
  });

interface Heard {
  /** Bytes of the body, by value. */
  readonly counts: Uint32Array;
}

/** Reads now and then, so that all that is between has to wait; leaves after `most` bytes. */
function download({ port }: WebScene, number: number, framing: string, most: number): Promise<Heard> {
  return new Promise((resolve) => {
    const socket = connectTcp(port, "127.0.0.1");
    const counts = new Uint32Array(256);
    let isBody = false;
    let all = 0;
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      const begin = isBody ? 0 : chunk.indexOf("\r\n\r\n") + 4;
      isBody = true;
      for (const byte of chunk.subarray(begin)) counts[byte] = (counts[byte] ?? 0) + 1;
      all += chunk.length;
      if (all >= most) socket.destroy();
      socket.pause();
      setImmediate(() => socket.resume());
    });
    socket.on("close", () => resolve({ counts }));
    socket.write(`GET /${number}?${framing} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  });
}

/** Of whom these bytes are; framing is ASCII, below 128. */
const strangers = ({ counts }: Heard, number: number): number =>
  counts.reduce((sum, count, value) => sum + (value >= 128 && value !== number ? count : 0), 0);

for (const framing of ["length", "chunked"])
  test(`own bytes: answers (${framing}) to many clients, over HTTP/1.1`, async (t) => {
    const web = await scene(t);
    const numbers = Array.from({ length: MANY }, (_, index) => 128 + index);
    const heard = await Promise.all(numbers.map((n) => download(web, n, framing, n % 3 === 0 ? SIZE / 3 : Infinity)));
    numbers.forEach((number, index) => {
      const one = heard[index] ?? { counts: new Uint32Array(256) };
      t.is(strangers(one, number), 0);
      if (number % 3 !== 0) t.is(one.counts[number], SIZE);
    });
  });

test("own bytes: answers to many streams of one client, over HTTP/2", async (t) => {
  const web = await scene(t);
  const session = await client(t, web.http2);
  const numbers = Array.from({ length: MANY }, (_, index) => 128 + index);
  const wrong = await Promise.all(
    numbers.map(
      (number) =>
        new Promise<number>((resolve) => {
          const stream = session.request({ ":path": `/${number}`, ":authority": "a" });
          let [strange, all] = [0, 0];
          stream.on("error", () => {});
          stream.on("data", (chunk: Buffer) => {
            for (const byte of chunk) strange += byte === number ? 0 : 1;
            all += chunk.length;
            if (number % 3 === 0 && all > SIZE / 3) stream.close(8);
          });
          stream.on("close", () => resolve(number % 3 === 0 || all === SIZE ? strange : -1));
        }),
    ),
  );
  t.deepEqual(
    wrong,
    numbers.map(() => 0),
  );
});

test("own bytes: bodies of many clients reach the backend, each on its own connection", async (t) => {
  const web = await webScene(t, { answer: () => {} });
  const bodies = Array.from({ length: MANY }, (_, index) => Buffer.alloc(SIZE, 128 + index));
  await Promise.all(
    bodies.map(async (body, index) => {
      const wire = await web.connect();
      wire.say(`POST /${index} HTTP/1.1\r\nHost: a\r\nContent-Length: ${SIZE}\r\n\r\n`).say(body);
      if (index % 3 === 0) wire.socket.once("drain", () => wire.socket.destroy());
    }),
  );
  const whole = (text: string): boolean => text.length - text.indexOf("\r\n\r\n") - 4 === SIZE;
  const expected = bodies.filter((_, index) => index % 3 !== 0).length;
  await until(() => web.heard.filter(whole).length >= expected);
  for (const text of web.heard) {
    const [, number = ""] = /^POST \/(\d+)/.exec(text) ?? [];
    const body = Buffer.from(text.slice(text.indexOf("\r\n\r\n") + 4), "latin1");
    t.true(
      body.every((byte) => byte === 128 + Number(number)),
      number,
    );
  }
});
