// Clients and backends that say anything, cut anywhere, and leave at any time: the next client is served as ever, and nothing is logged
// that only a defect could cause.

import { connect, type Socket } from "node:net";
import test from "ava";
import { array, assert, asyncProperty, constantFrom, integer, record } from "fast-check";
import { webScene, type WebScene } from "../test/web-scene.ts";

const REQUESTS = [
  "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
  "HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n",
  "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
  "POST /autodiscover/autodiscover.xml HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
  "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n",
  "5\r\nhello\r\n",
  "0\r\nX-A: b\r\n\r\n",
  "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: NTLM TlRMTVNTUAABAAAA\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YTpi\r\n\r\n",
  "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
  "GET /mapi/emsmdb?MailboxId=x HTTP/1.0\r\n\r\n",
  "GET /Microsoft-Server-ActiveSync?AAAA HTTP/1.1\r\nHost: a\r\n\r\n",
  "\r\n",
  "\0\xff",
  "x".repeat(5000),
];

const ANSWERS = [
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
  "5\r\nhello\r\n",
  "0\r\nETag: a\r\nETag: b\r\n\r\n",
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly",
  "HTTP/1.1 401 No\r\nWWW-Authenticate: NTLM\r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nno",
  "HTTP/1.1 204 No\r\n\r\n",
  "HTTP/1.1 304 No\r\nContent-Length: 7\r\n\r\n",
  "HTTP/1.1 103 X\r\nLink: a\r\n\r\n",
  "HTTP/1.1 100 Continue\r\n\r\n",
  "HTTP/1.0 200 OK\r\n\r\nto the end",
  "HTTP/1.1 200 OK\r\nConnection: close\r\nX-A: \xff\r\nContent-Length: 2\r\n\r\nhi",
  "HTTP/1.1 999 X\r\n\r\n",
  "\r\n",
  "\0\xff",
];

const DO = ["say", "say", "say", "end", "reset", "turn"] as const;
const script = (words: readonly string[]) =>
  array(record({ what: constantFrom(...DO), text: constantFrom(...words), cut: integer({ min: 0, max: 60 }) }), { maxLength: 8 });
type Script = readonly { readonly what: (typeof DO)[number]; readonly text: string; readonly cut: number }[];

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function play(socket: Socket, steps: Script): Promise<void> {
  for (const { what, text, cut } of steps) {
    if (what === "end") socket.end();
    else if (what === "reset") socket.resetAndDestroy();
    else if (what === "say" && socket.writable) {
      const bytes = Buffer.from(text, "latin1");
      socket.write(bytes.subarray(0, cut));
      await turn();
      if (socket.writable) socket.write(bytes.subarray(cut));
    }
    await turn();
  }
  socket.end();
}

async function meet(scene: WebScene, steps: Script): Promise<void> {
  const socket = connect({ port: scene.port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
  socket.on("error", () => {});
  socket.resume();
  await play(socket, steps);
  for (let turns = 0; turns < 20; turns++) await turn();
  socket.destroy();
}

test("fuzz: whatever clients and backends say, the next client is served, and nothing has failed but they", async (t) => {
  const clients = array(script(REQUESTS), { minLength: 3, maxLength: 3 });
  await assert(
    asyncProperty(clients, script(ANSWERS), async (scripts, answers) => {
      let isGood = false;
      const scene = await webScene(t, {
        answer: (socket) => {
          if (isGood) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood");
          else void play(socket, answers);
        },
      });
      await Promise.all(scripts.map((steps) => meet(scene, steps)));
      isGood = true;
      for (const socket of scene.sockets) socket.destroy();
      const wire = await scene.connect();
      const text = await wire.say("GET /good HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").all();
      t.regex(text, /\r\n\r\ngood$/);
      t.deepEqual(scene.logger.messages("error"), []);
      scene.close();
      await Promise.all(scene.hosted.map(({ over }) => over));
    }),
    { numRuns: 150, endOnFailure: true },
  );
});
