import test from "ava";
import { array, assert, asyncProperty, constantFrom, integer, oneof, string, uint8Array } from "fast-check";
import { echo, openScene } from "./test/scene.ts";

const SAID = [
  "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n",
  "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world",
  "\r\nPOST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-T: 1\r\n\r\n",
  "GET /4 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
].join("");
const ANSWERED = ["GET /1 -|", "POST /2 hello world|", "POST /3 hello world|", "GET /4 -|"];

test("http1: however the bytes are cut, the requests are the same", async (t) => {
  const scene = await openScene(t, { handler: echo });
  await assert(
    asyncProperty(array(integer({ min: 1, max: SAID.length - 1 }), { maxLength: 12 }), async (cuts) => {
      const wire = await scene.connect();
      let from = 0;
      for (const at of [...cuts.toSorted((a, b) => a - b), SAID.length]) {
        wire.say(SAID.slice(from, at));
        from = at;
        await new Promise(setImmediate);
      }
      t.deepEqual((await wire.all()).match(/(?:GET|POST) [^|]*\|/g), ANSWERED);
      wire.socket.destroy();
    }),
    { numRuns: 60 },
  );
});

test("http1: whatever a client sends, every answer is one of HTTP, and the connection ends with it", async (t) => {
  const scene = await openScene(t, { handler: echo });
  const piece = oneof(
    uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString("latin1")),
    string({ maxLength: 20 }),
    constantFrom(
      "\r\n",
      "\r\n\r\n",
      "GET / HTTP/1.1\r\n",
      "Host: a\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\n",
      "Content-Length: 3\r\n",
    ),
    constantFrom(
      "Transfer-Encoding: chunked\r\n",
      "0\r\n\r\n",
      "5\r\nhello\r\n",
      "Connection: close\r\n",
      "Expect: 100-continue\r\n",
    ),
  );
  let clients = 0;
  await assert(
    asyncProperty(array(piece, { minLength: 1, maxLength: 10 }), async (pieces) => {
      const wire = await scene.connect();
      for (const text of pieces) wire.say(text);
      wire.socket.end();
      const text = await wire.all();
      wire.socket.destroy();
      t.regex(text, /^(?:HTTP\/1\.1 \d{3} |$)/);
      t.not((await scene.end(clients)).ending, "kicked");
      clients += 1;
    }),
    { numRuns: 200 },
  );
  t.deepEqual(scene.logger.messages("error"), []);
});

test("http1: a million tiny chunks are taken in few pieces", async (t) => {
  const handler = async ({ request, answer }: Parameters<typeof echo>[0]): Promise<void> => {
    let calls = 0;
    let bytes = 0;
    await new Promise<void>((resolve) => {
      request.body?.start({
        data(chunk) {
          calls += 1;
          bytes += chunk.length;
          return true;
        },
        end: () => resolve(),
        broken: () => t.fail(),
      });
    });
    answer.begin({ status: calls < 20_000 && bytes === 1_000_000 ? 200 : 500, reason: `${calls}`, fields: [] }, 0);
    answer.end();
  };
  const wire = await (await openScene(t, { handler })).connect();
  wire.say("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  wire.say(Buffer.from("1\r\nx\r\n".repeat(1_000_000))).say("0\r\n\r\n");
  t.regex(await wire.until(/\r\n\r\n$/), /^HTTP\/1\.1 200 /);
});
