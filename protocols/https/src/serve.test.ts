import { constants } from "node:http2";
import test from "ava";
import { until } from "../test/until.ts";
import { webScene } from "../test/web-scene.ts";
import { ask, client } from "./front/test/http2-client.ts";

const GET = "GET / HTTP/1.1\r\nHost: mail.example.com\r\n";
const AS_ALICE = `Authorization: Basic ${Buffer.from("alice@example.com:pw").toString("base64")}\r\n`;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("serve: no backend is asked for a client that left while its route was looked up", async (t) => {
  const asked = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<void>();
  const scene = await webScene(t, {
    parts: {
      router: {
        async find() {
          asked.resolve();
          await answered.promise;
          return { source: "test", why: "test", legs: [scene.leg], login: undefined };
        },
        explain: () => Promise.reject(new Error("Nobody asks why")),
      },
    },
  });
  const one = await scene.connect();
  one.say(`${GET}${AS_ALICE}\r\n`);
  await asked.promise;
  one.socket.destroy();
  await until(() => scene.hosted[0]?.owes !== true || scene.sessions[0]?.bytesIn !== 0);
  answered.resolve();
  await scene.hosted[0]?.over;
  t.deepEqual(scene.heard, []);
  t.is(scene.logger.records.find(({ message }) => message === "request")?.fields["kind"], "client-gone");
});

test("serve: who waits for a place at the backend and leaves, gives it to the next", async (t) => {
  const scene = await webScene(t, {
    settings: { pool: { perBackend: 1, wait: 10_000, idle: 4000, idlePerBackend: 10 } },
    answer: (socket, head) => {
      if (!head.startsWith("GET /held ")) socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    },
  });
  const [first, second, third] = [await scene.connect(), await scene.connect(), await scene.connect()];
  first.say(GET.replace("/", "/held") + "\r\n");
  await until(() => scene.heard.length > 0);
  second.say(GET.replace("/", "/left") + "\r\n");
  await until(() => scene.hosted[1]?.owes === true);
  for (let turns = 0; turns < 20; turns++) await turn();
  third.say(GET.replace("/", "/stays") + "\r\n");
  await until(() => scene.hosted[2]?.owes === true);
  second.socket.destroy();
  await until(() => scene.sessions[1]?.bytesIn !== 0);
  first.socket.destroy();
  await third.until(/200 OK/);
  t.notRegex(scene.heard.join(""), /left/);
});

test("serve: what a client sent ahead is not served once it has left", async (t) => {
  const scene = await webScene(t);
  const one = await scene.connect();
  one.say(`${GET}\r\n`.repeat(5)).socket.end();
  await scene.hosted[0]?.over;
  for (let turns = 0; turns < 50; turns++) await turn();
  t.is(scene.heard.join("").match(/GET/g)?.length ?? 0, scene.sessions[0]?.requests ?? 0);
});

test("serve: no trailer says what only a gateway may say", async (t) => {
  const scene = await webScene(t);
  const one = await scene.connect();
  const trailers = "X-Remote-User: eve\r\nX_Remote_User: eve\r\nX-Forwarded-For: 6.6.6.6\r\nContent_Length: 7\r\nX-Sum: 7\r\n";
  one.say(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n${trailers}\r\n`);
  await one.until(/200 OK/);
  t.regex(scene.heard[0] ?? "", /\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 7\r\n\r\n$/);
});

test("serve: a body that is held for the user in it is no larger than its service takes", async (t) => {
  const scene = await webScene(t);
  const one = await scene.connect();
  one.say("POST /autodiscover/autodiscover.xml HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  one.say(`8000\r\n${"x".repeat(0x8000)}\r\n`.repeat(10) + "0\r\n\r\n");
  await one.until(/^HTTP\/1.1 413 /);
  t.pass();
});

test("serve: whoever claims to be somebody takes none of their places from another address", async (t) => {
  const scene = await webScene(t, { settings: { requestsPerUser: 1 }, answer: () => {} });
  const [eve, again, alice] = [await scene.connect(), await scene.connect(), await scene.connect()];
  Object.assign(scene.sessions[2] ?? {}, { client: { host: "198.51.100.9", port: 1 } });
  const held = `${GET}${AS_ALICE}\r\n`;
  eve.say(held);
  await until(() => scene.heard.length > 0);
  again.say(held);
  await again.until(/^HTTP\/1.1 429 /);
  alice.say(held);
  await until(() => scene.heard.length > 1);
  t.is(alice.text, "");
});

test("serve: over HTTP/2 nothing that was done is done again because the backend keeps logins", async (t) => {
  const scene = await webScene(t, {
    answer: (socket, head) => {
      const status = head.includes("/asks") ? "401 No\r\nWWW-Authenticate: NTLM" : "200 OK\r\nPersistent-Auth: true";
      socket.write(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`);
    },
  });
  const session = await client(t, scene.http2);
  const codeOf = async (method: string, path: string): Promise<number> => {
    const { status, code } = await ask(session, { ":method": method, ":path": path });
    return status ?? code;
  };
  const { NGHTTP2_HTTP_1_1_REQUIRED: elsewhere } = constants;
  t.is(await codeOf("POST", "/asks"), elsewhere);
  t.is(await codeOf("GET", "/kept"), elsewhere);
  t.is(await codeOf("POST", "/kept"), 502);
  t.is(scene.heard.length, 3, "no connection with a login serves another request");
});
