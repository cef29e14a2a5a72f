// Many messages through the real program to two real Postfixes, which end and start again in the middle: what was
// taken is in a mailbox exactly once, what was refused is in none. And many large messages at once: memory stays bounded.

import { once } from "node:events";
import { connect } from "node:net";
import test from "ava";
import { startPostfix, type Postfix } from "@postern/testing";
import { succeed } from "./clients.ts";
import { memoryKb, type Gateway, type Json } from "./gateway-process.ts";
import { settled, startInbound } from "./inbound.ts";
import { Loader, type Fate } from "./inbound-load.ts";
import { someWord } from "./submitters.ts";
import { stopAll, together } from "./together.ts";
import { until } from "./until.ts";

const MESSAGES = 10_000;
const LARGE = 100;
const LARGE_BYTES = 20_000_000;

const users = (backend: string, digits: string): [string, string][] =>
  Array.from(digits, (digit) => [`u${digit}@example.com`, backend]);
const routes = [{ source: "static", users: Object.fromEntries([...users("mx1", "02468"), ...users("mx2", "13579")]) }];

let mx1: Postfix;
let mx2: Postfix;

test.before(async () => {
  [mx1, mx2] = await together(
    startPostfix({ users: {}, inbound: true }),
    startPostfix({ users: {}, inbound: true, messageSizeLimit: 100_000_000 }),
  );
});

test.after.always(async () => {
  await stopAll([mx1, mx2]);
});

function start(config: Json = {}, homes: readonly Json[] = routes): Promise<Gateway> {
  // Fifty new Postfix processes at once take their time on a busy machine.
  const patient = { dialTimeout: "60s", replyTimeout: "60s" };
  const leg = ({ port }: Postfix): Json => ({ smtp: { url: `smtp://127.0.0.1:${port}`, ...patient } });
  return startInbound(
    { backends: { mx1: leg(mx1), mx2: leg(mx2) } },
    { routes: homes, config: { log: { level: "info" }, ...config } },
  );
}

/** The even users' mail is on the first server, the odd ones' on the second; every tenth message is for one of each. */
const recipientsOf = (at: number): string[] =>
  at % 10 === 9 ? ["u8@example.com", "u9@example.com"] : [`u${at % 10}@example.com`];

/** By word and recipient: how often it was delivered, as many times as a server has taken it. */
async function deliveries(): Promise<Map<string, number>> {
  const found = new Set<string>();
  for (const mx of [mx1, mx2]) {
    for (const mail of await mx.messages()) {
      const head = mail.toString("latin1", 0, 2000);
      const [, to = ""] = /^X-Original-To: (.*)$/m.exec(head) ?? [];
      const [, word = ""] = /^Subject: (.*)$/m.exec(head) ?? [];
      // A Postfix that is killed between delivery and note delivers again, under the same queue id: that is its own doubling.
      const [, id = ""] = /\(Postfix\) with \w+ id (\w+)/.exec(head) ?? [];
      found.add(`${word} ${to} ${id}`);
    }
  }
  const counts = new Map<string, number>();
  for (const one of found) {
    const key = one.slice(0, one.lastIndexOf(" "));
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** Words of messages of which the log says that they may be there although they were refused. */
function mayBeDoubled(gateway: Gateway): Set<string> {
  const lines = gateway.log().filter((line) => line["mayBeDoubled"] !== undefined);
  return new Set(lines.map((line) => String(line["sender"]).replace(/@.*$/, "")));
}

/** What became of all messages, by what was said to their senders. */
async function verdict(loader: Loader, gateway: Gateway) {
  const counts = await deliveries();
  const doubtful = mayBeDoubled(gateway);
  const isThere = ([word, { to }]: [string, Fate]): boolean => to.some((one) => counts.has(`${word} ${one}`));
  const fates = [...loader.fates];
  const taken = fates.filter(([, { reply }]) => reply.startsWith("250 "));
  const refused = fates.filter(([, { reply }]) => !reply.startsWith("250 "));
  const copies = (word: string, to: readonly string[]): number[] => to.map((one) => counts.get(`${word} ${one}`) ?? 0);
  const wrong = {
    lost: taken.filter(([word, { to }]) => copies(word, to).includes(0)),
    doubled: fates.filter(([word, { to }]) => copies(word, to).some((count) => count > 1)),
    unwanted: refused.filter((one) => isThere(one) && !doubtful.has(one[0])),
  };
  const there = refused.filter((one) => isThere(one)).length;
  return { taken: taken.length, wrong, doubtful: doubtful.size, there };
}

/** Who ends and starts again, and one whose mail it has. */
const OUTAGES = [
  [() => mx2, "u3@example.com"],
  [() => mx1, "u4@example.com"],
  [() => mx2, "u5@example.com"],
] as const;

test.serial(`load: of ${MESSAGES} messages, while backends end and start again, none is lost or doubled`, async (t) => {
  const gateway = await start();
  t.teardown(() => gateway.stop());
  const load = {
    port: gateway.port("smtp"),
    connections: 24,
    perConnection: 25,
    to: recipientsOf,
    body: "hello\r\n",
    wanted: MESSAGES,
  };
  const loader = new Loader(load);
  const running = loader.run();
  for (const [round, [server, to]] of OUTAGES.entries()) {
    const refused = (): number =>
      [...loader.fates.values()].filter((fate) => fate.to.includes(to) && !fate.reply.startsWith("250 ")).length;
    const isTime = (): true | undefined => loader.taken > (MESSAGES * (round + 1)) / (OUTAGES.length + 1) || undefined;
    await until(isTime, () => `more than ${loader.taken} messages`, 60_000);
    const before = refused();
    await server().end();
    await until(
      () => refused() > before + 20 || undefined,
      () => "refused messages",
    );
    await server().startAgain();
  }
  await running;
  await settled(mx1, mx2);
  const { taken, wrong, doubtful, there } = await verdict(loader, gateway);
  t.deepEqual(wrong, { lost: [], doubled: [], unwanted: [] });
  t.true(taken >= MESSAGES);
  t.true(loader.fates.size > taken, "some came while the backend was away");
  for (const { reply } of loader.fates.values()) t.regex(reply, /^(?:250 2\.0\.0|451 4\.[34]\.[0-9]) /);
  t.log(`${taken} taken, ${loader.fates.size - taken} refused; of these ${doubtful} may be there, ${there} are`);
});

test.serial("load: where either backend will do, one that ends costs nobody more than the answers that it owes", async (t) => {
  const either = [{ source: "static", default: ["mx1", "mx2"] }];
  const gateway = await start({}, either);
  t.teardown(() => gateway.stop());
  const to = (at: number): string[] => [`u${at % 10}@example.com`];
  const loader = new Loader({
    port: gateway.port("smtp"),
    connections: 16,
    perConnection: 25,
    to,
    body: "hello\r\n",
    wanted: 2000,
  });
  const running = loader.run();
  await until(
    () => loader.taken > 700 || undefined,
    () => "700 messages",
  );
  await mx1.end();
  await running;
  await mx1.startAgain();
  await settled(mx1, mx2);
  const { taken, wrong, doubtful } = await verdict(loader, gateway);
  t.deepEqual(wrong, { lost: [], doubled: [], unwanted: [] });
  t.is(loader.fates.size - taken, doubtful, "who was refused may have been taken");
  t.true(doubtful <= 16);
});

test.serial(`load: ${LARGE} messages of ${LARGE_BYTES} bytes at once are not kept in memory`, async (t) => {
  const gateway = await start();
  t.teardown(() => gateway.stop());
  const before = memoryKb(gateway.pid);
  let most = before;
  const watch = setInterval(() => (most = Math.max(most, memoryKb(gateway.pid))), 100);
  t.teardown(() => clearInterval(watch));
  const half = String(LARGE / 2);
  const source = async (to: string, server: Postfix): Promise<void> => {
    const sender = `${someWord()}@load.example.net`;
    const what = ["-s", half, "-m", half, "-l", String(LARGE_BYTES), "-f", sender, "-t", to];
    const target = `inet:127.0.0.1:${gateway.port("smtp")}`;
    await succeed("/usr/sbin/smtp-source", [...what, target], { timeoutMs: 200_000 });
    const sizes = await until(
      () => {
        const found = Array.from(server.log().matchAll(/: from=<(.*)>, size=(\d+)/g)).filter(([, from]) => from === sender);
        return found.length === LARGE / 2 ? found.map(([, , size]) => Number(size)) : undefined;
      },
      () => `${half} messages of ${sender}`,
    );
    // Postfix counts without the CRs.
    t.true(Math.min(...sizes) > LARGE_BYTES * 0.97, String(sizes));
  };
  await Promise.all([source("u0@example.com", mx1), source("u1@example.com", mx2)]);
  clearInterval(watch);
  t.log(`${Math.round(before / 1024)} MB before, ${Math.round(most / 1024)} MB at most`);
  t.true(most - before < 200 * 1024, `${before} kB became ${most} kB`);
});

test.serial("load: a client that sends and does not read, and 200 that are silent, hold nobody up", async (t) => {
  const gateway = await start();
  t.teardown(() => gateway.stop());
  const silent = Array.from({ length: 200 }, () => connect({ port: gateway.port("smtp"), host: "127.0.0.1" }));
  t.teardown(() => silent.forEach((socket) => socket.destroy()));
  await Promise.all(silent.map((socket) => once(socket, "connect")));
  const deaf = connect({ port: gateway.port("smtp"), host: "127.0.0.1" }).pause();
  t.teardown(() => deaf.destroy());
  await once(deaf, "connect");
  deaf.write(`EHLO deaf.example.net\r\n${"NOOP\r\n".repeat(200_000)}`);
  const load = { port: gateway.port("smtp"), connections: 4, perConnection: 10, to: recipientsOf, body: "", wanted: 100 };
  const loader = new Loader(load);
  await loader.run();
  t.is([...loader.fates.values()].filter(({ reply }) => reply.startsWith("250 ")).length, loader.fates.size);
});
