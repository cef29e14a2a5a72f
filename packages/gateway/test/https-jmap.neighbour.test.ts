// JMAP through the real program: found by its well-known address, its methods, an event source and a WebSocket that push, upload
// and download; two small servers of our own, one for each user.

import { createHash, randomBytes } from "node:crypto";
import { connect } from "node:http2";
import test from "ava";
import { Talk } from "./clients.ts";
import { basic, curl, type Asked, type Told } from "./curl.ts";
import { startGateway, type Gateway } from "./gateway-process.ts";
import { masked, startJmap, type JmapServer } from "./jmap-server.ts";
import { ALICE, authority, BOB, FILES, ROUTES, WRONG } from "./mailboxes.ts";
import { until } from "./until.ts";

let servers: readonly [JmapServer, JmapServer];
let gateway: Gateway;

test.before(async () => {
  servers = [await startJmap(ALICE), await startJmap(BOB)];
  gateway = await startGateway({
    listeners: { https: { protocol: "https" } },
    backends: {
      mbx1: { https: `http://127.0.0.1:${servers[0].port}` },
      mbx2: { https: `http://127.0.0.1:${servers[1].port}` },
    },
    routes: ROUTES,
    files: FILES,
  });
});

test.after.always(async () => {
  await gateway?.stop();
  for (const server of servers ?? []) await server.stop();
});

const ask = (path: string, asked?: Asked): Promise<Told> => curl(gateway, path, asked);
const own = (user: string): JmapServer => (user === ALICE ? servers[0] : servers[1]);

for (const user of [ALICE, BOB]) {
  test(`JMAP: ${user} finds the session by the well-known address, and its URLs lead to the gateway`, async (t) => {
    const told = await ask("/.well-known/jmap", { user });
    t.is(told.status, 200);
    const session = JSON.parse(told.text) as Record<string, string>;
    t.is(session["username"], user);
    const base = `https://mail.example.com:${gateway.port("https")}/jmap`;
    t.is(session["apiUrl"], `${base}/api`);
    const body = JSON.stringify({ using: ["urn:ietf:params:jmap:core"], methodCalls: [["Core/echo", { a: 1 }, "c1"]] });
    const answer = await ask("/jmap/api", { user, body, fields: ["Content-Type: application/json"] });
    t.deepEqual((JSON.parse(answer.text) as Record<string, unknown>)["methodResponses"], [["Core/echo", { of: user }, "c1"]]);
  });

  test(`JMAP: ${user} uploads 3 MB, and downloads the same`, async (t) => {
    const blob = randomBytes(3_000_000).toString("base64");
    const told = await ask(`/jmap/upload/${user}`, { user, body: blob, fields: ["Content-Type: application/octet-stream"] });
    const { blobId, size } = JSON.parse(told.text) as { blobId: string; size: number };
    t.is(size, blob.length);
    const back = await ask(`/jmap/download/${user}/${blobId}/plums.bin?accept=application%2Foctet-stream`, { user });
    t.is(createHash("sha256").update(back.text).digest("hex"), blobId);
  });
}

test("JMAP: a wrong password is the server's to refuse", async (t) => {
  const told = await ask("/.well-known/jmap", { user: ALICE, password: WRONG });
  t.is(told.status, 401);
  t.is(told.field("www-authenticate"), 'Basic realm="jmap"');
});

test("JMAP: an event source is held without a word, and each event arrives when it happens, over HTTP/2", async (t) => {
  const session = connect(`https://localhost:${gateway.port("https")}`, { ca: authority.cert });
  t.teardown(() => session.destroy());
  const stream = session.request({ ":path": "/jmap/events?types=*&closeafter=no&ping=0", authorization: basic(BOB) });
  let heard = "";
  let status: number | undefined;
  stream.setEncoding("utf8").on("data", (text: string) => (heard += text));
  stream.on("response", (head) => (status = head[":status"]));
  const listener = await servers[1].listener();
  t.is(listener.target, "/jmap/events?types=*&closeafter=no&ping=0");
  await until(
    () => status,
    () => "the head, before any event",
    30_000,
  );
  for (let state = 1; state <= 10; state += 1) {
    listener.push(`{"state":${state}}`);
    await until(
      () => heard.endsWith(`event: state\ndata: {"state":${state}}\n\n`) || undefined,
      () => `event ${state} in ${heard}`,
      30_000,
    );
  }
  stream.close();
  await listener.left();
  t.pass("the server hears that its client is gone");
});

for (const user of [ALICE, BOB]) {
  test(`JMAP: a WebSocket of ${user} carries both sides' messages, to and from ${user}'s own server`, async (t) => {
    const client = await Talk.open({ port: gateway.port("https") });
    const key = randomBytes(16).toString("base64");
    client.send(
      `GET /jmap/ws HTTP/1.1\r\nHost: mail.example.com\r\nAuthorization: ${basic(user)}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: jmap\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
    );
    const head = await client.until(/\r\n\r\n/);
    t.regex(head, /^HTTP\/1\.1 101 /);
    t.regex(head, /\r\nSec-WebSocket-Protocol: jmap\r\n/i);
    t.regex(head, /\r\nConnection: Upgrade\r\n/i);
    const listener = await own(user).listener();
    client.send(masked('{"@type":"WebSocketPushEnable"}'));
    await until(
      () => listener.heard() || undefined,
      () => "what the client said",
      30_000,
    );
    t.is(listener.heard(), '{"@type":"WebSocketPushEnable"}');
    for (let state = 1; state <= 5; state += 1) {
      listener.push(`{"pushState":"${state}"}`);
      await client.until(new RegExp(`\\{"pushState":"${state}"\\}`));
    }
    client.close();
    await listener.left();
  });
}

test("JMAP: a WebSocket that the server refuses is answered as the server says, and is none", async (t) => {
  const client = await Talk.open({ port: gateway.port("https") });
  client.send(
    `GET /jmap/ws HTTP/1.1\r\nHost: mail.example.com\r\nAuthorization: ${basic(ALICE)}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString("base64")}\r\n\r\n`,
  );
  t.regex(await client.until(/\r\n\r\n/), /^HTTP\/1\.1 400 /);
  client.close();
});
