// Much at once and for long, through the real program: 5,000 phones that wait, a gigabyte up and down, h2load and wrk. Memory is
// bounded in all of it.

import { open } from "node:fs/promises";
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { startNginxWeb, type NginxWeb } from "@postern/testing";
import { succeed } from "./clients.ts";
import { memoryKb, startGateway, type Gateway, type Json } from "./gateway-process.ts";
import { Poll, startHoldingServer } from "./held-polls.ts";
import { ALICE, FILES } from "./mailboxes.ts";
import { until } from "./until.ts";
import { as, basic } from "./curl.ts";
import { startNodeWeb, type Echo, type NodeWeb } from "./web.ts";

const POLLS = 5000;
const AT_ONCE = 100;
/** What one held poll may take in the gateway, kB: TLS, both sockets and all; loosely. */
const POLL_KB = 100;
const GIGABYTE = 1024 ** 3;
/** What a program may take more while a gigabyte goes through it, kB. */
const SPARE_KB = 100_000;
const WAIT_MS = 120_000;

let nginx: NginxWeb;
let node: NodeWeb;

test.before(async () => {
  [nginx, node] = await Promise.all([startNginxWeb({ name: "one", files: { "small.txt": "x".repeat(1024) } }), startNodeWeb()]);
});

test.after.always(async () => {
  await Promise.all([nginx?.stop(), node?.stop()]);
});

async function start(t: ExecutionContext, port: number, config: Json = {}): Promise<Gateway> {
  t.timeout(300_000);
  const gateway = await startGateway({
    listeners: { https: { protocol: "https", tls: "implicit" } },
    backends: { one: { https: `http://127.0.0.1:${port}` } },
    routes: [{ source: "static", default: "one" }],
    files: FILES,
    config: {
      workers: 2,
      https: { requestsPerUser: 0, requestsPerConnection: 1_000_000, accessLog: "failures" },
      limits: { connections: { total: 0, perAddress: 0, perUser: 0 } },
      log: { level: "warn" },
      ...config,
    },
  });
  t.teardown(() => gateway.stop());
  return gateway;
}

const PING = `POST /Microsoft-Server-ActiveSync?Cmd=Ping&User=alice&DeviceId=d1&DeviceType=Phone HTTP/1.1\r\nHost: mail.example.com\r
Authorization: ${basic(ALICE)}\r\nContent-Type: application/vnd.ms-sync.wbxml\r\nContent-Length: 13\r\n\r\nping for news`;

test(`${POLLS} held polls: all reach the backend, all are answered, and each costs little memory`, async (t) => {
  const server = await startHoldingServer();
  t.teardown(() => server.stop());
  const gateway = await start(t, server.port);
  const polls: Poll[] = [];
  t.teardown(() => polls.forEach((poll) => poll.close()));
  const first = await Poll.open(gateway.port("https"), PING);
  polls.push(first.poll);
  const session = await until(
    () => first.session,
    () => "a TLS session",
    WAIT_MS,
  );
  await until(
    () => (server.held() === 1 ? true : undefined),
    () => "the first poll",
    WAIT_MS,
  );
  const before = memoryKb(gateway.pid);
  while (polls.length < POLLS) {
    const count = Math.min(AT_ONCE, POLLS - polls.length);
    const more = await Promise.all(Array.from({ length: count }, () => Poll.open(gateway.port("https"), PING, session)));
    polls.push(...more.map(({ poll }) => poll));
    await until(
      () => (server.held() === polls.length ? true : undefined),
      () => `${server.held()} of ${polls.length} polls: ${gateway.written().slice(-1000)}`,
      WAIT_MS,
    );
  }
  const each = (memoryKb(gateway.pid) - before) / POLLS;
  t.log(`${each.toFixed(1)} kB each, with two workers`);
  t.true(each < POLL_KB, `${each} kB`);
  t.is(polls.filter(({ heard, isOver }) => heard !== "" || isOver).length, 0, "nobody hears anything before there is something");
  server.answerAll();
  await until(
    () => (polls.every(({ heard }) => heard.endsWith("news")) ? true : undefined),
    () => "the answers",
    WAIT_MS,
  );
  t.true(polls.every(({ heard }) => heard.startsWith("HTTP/1.1 200 OK\r\n")));
});

/** Runs `work` and looks at the gateway's memory again and again: how much more it was at most, kB. */
async function growth<T>(gateway: Gateway, work: () => Promise<T>): Promise<{ result: T; kb: number }> {
  const before = memoryKb(gateway.pid);
  let most = before;
  const looking = setInterval(() => (most = Math.max(most, memoryKb(gateway.pid))), 100);
  try {
    return { result: await work(), kb: Math.max(most, memoryKb(gateway.pid)) - before };
  } finally {
    clearInterval(looking);
  }
}

for (const flag of ["--http1.1", "--http2"]) {
  test(`a gigabyte up and one down, ${flag}: all of it, in flat memory`, async (t) => {
    const up = await start(t, node.port);
    const down = await start(t, nginx.port);
    // A file of holes takes no room.
    const path = nginx.file("gigabyte");
    const file = await open(path, "w");
    await file.truncate(GIGABYTE);
    await file.close();
    const curl = (gateway: Gateway, target: string, ...args: readonly string[]): Promise<Buffer> => {
      const url = `https://localhost:${gateway.port("https")}${target}`;
      return succeed("curl", ["-sSf", flag, "--cacert", join(gateway.folder, "ca.pem"), ...as(ALICE), ...args, url], {
        timeoutMs: WAIT_MS,
      });
    };
    const sent = await growth(up, () => curl(up, "/put", "-T", path));
    t.is((JSON.parse(sent.result.toString()) as Echo).bytes, GIGABYTE);
    const got = await growth(down, () => curl(down, "/gigabyte", "-o", "/dev/null", "-w", "%{size_download}"));
    t.is(got.result.toString(), String(GIGABYTE));
    t.log(`up ${Math.round(sent.kb / 1024)} MB more, down ${Math.round(got.kb / 1024)} MB more`);
    t.true(sent.kb < SPARE_KB, `up: ${sent.kb} kB`);
    t.true(got.kb < SPARE_KB, `down: ${got.kb} kB`);
  });
}

test("h2load over HTTP/2 and over HTTP/1.1: every request is answered", async (t) => {
  const gateway = await start(t, nginx.port);
  const url = `https://localhost:${gateway.port("https")}/small.txt`;
  for (const args of [
    ["-c", "10", "-m", "20"],
    ["-c", "20", "--h1"],
  ]) {
    const out = (await succeed("h2load", ["-n", "10000", ...args, url], { timeoutMs: WAIT_MS })).toString();
    t.regex(out, /10000 succeeded, 0 failed, 0 errored, 0 timeout/, out);
    t.regex(out, /10000 2xx, 0 3xx, 0 4xx, 0 5xx/);
  }
});

test("wrk: no error and no other status", async (t) => {
  const gateway = await start(t, nginx.port);
  const url = `https://localhost:${gateway.port("https")}/small.txt`;
  const out = (await succeed("wrk", ["-t1", "-c50", "-d5s", "--timeout", "30s", url], { timeoutMs: WAIT_MS })).toString();
  t.regex(out, /[1-9]\d* requests in/);
  t.notRegex(out, /Socket errors|Non-2xx/);
});
