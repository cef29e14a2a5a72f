// Many messages through the real program to two real Postfixes, which end and start again in the middle: what was
// taken is in a mailbox exactly once, what was refused is in none. And many large messages at once: memory stays bounded.

import { once } from "node:events";
import { connect } from "node:net";
import { Readable } from "node:stream";
import test from "ava";
import { startPostfix, type Postfix } from "@postern/testing";
import { memoryKb, type Gateway, type Json } from "./gateway-process.ts";
import { greeted, replies, REPLY, settled, startInbound } from "./inbound.ts";
import { Loader } from "./inbound-load.ts";
import { message, someWord } from "./submitters.ts";
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
  mx1 = await startPostfix({ users: {}, inbound: true });
  mx2 = await startPostfix({ users: {}, inbound: true, messageSizeLimit: 100_000_000 });
});

test.after.always(async () => {
  await mx1?.stop();
  await mx2?.stop();
});

function start(config: Json = {}): Promise<Gateway> {
  const leg = ({ port }: Postfix): Json => ({ smtp: `smtp://127.0.0.1:${port}` });
  return startInbound({ backends: { mx1: leg(mx1), mx2: leg(mx2) } }, { routes, config: { log: { level: "info" }, ...config } });
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
  const taken = [...loader.fates].filter(([, { reply }]) => reply.startsWith("250 "));
  await settled(mx1, mx2);
  const counts = await deliveries();
  const doubtful = mayBeDoubled(gateway);
  const lost: string[] = [];
  const doubled: string[] = [];
  const unwanted: string[] = [];
  for (const [word, { to, reply }] of loader.fates) {
    for (const one of to) {
      const count = counts.get(`${word} ${one}`) ?? 0;
      if (!reply.startsWith("250 ") && count > 0 && !doubtful.has(word)) unwanted.push(`${word} ${reply}`);
      if (reply.startsWith("250 ") && count === 0) lost.push(word);
      if (count > 1) doubled.push(word);
    }
  }
  t.deepEqual({ lost, doubled, unwanted }, { lost: [], doubled: [], unwanted: [] });
  t.true(taken.length >= MESSAGES);
  t.true(loader.fates.size > taken.length, "some came while the backend was away");
  for (const { reply } of loader.fates.values()) t.regex(reply, /^(?:250 2\.0\.0|451 4\.[34]\.[0-9]) /);
  const there = [...doubtful].filter((word) => loader.fates.get(word)?.to.some((one) => counts.has(`${word} ${one}`)));
  t.log(
    `${taken.length} taken, ${loader.fates.size - taken.length} refused; of these ${doubtful.size} may be there, ${there.length} are`,
  );
});

const BLOCK = Buffer.from(`${"x".repeat(998)}\r\n`.repeat(64));

function* largeMessage(word: string): Generator<Buffer> {
  yield Buffer.from(message(word, `${word}@load.example.net`, ""));
  for (let sent = 0; sent < LARGE_BYTES; sent += BLOCK.length) yield BLOCK;
  yield Buffer.from(".\r\n");
}

test.serial(`load: ${LARGE} messages of ${LARGE_BYTES} bytes at once are not kept in memory`, async (t) => {
  const gateway = await start();
  t.teardown(() => gateway.stop());
  const before = memoryKb(gateway.pid);
  const words = Array.from({ length: LARGE }, someWord);
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, memoryKb(gateway.pid))), 100);
  t.teardown(() => clearInterval(watch));
  const said = await Promise.all(
    words.map(async (word, at) => {
      const talk = await greeted(gateway.port("smtp"));
      await replies(talk, `MAIL FROM:<${word}@load.example.net>`, `RCPT TO:<u${at % 2}@example.com>`, "DATA");
      Readable.from(largeMessage(word)).pipe(talk.socket, { end: false });
      return talk.until(REPLY, 120_000);
    }),
  );
  clearInterval(watch);
  for (const reply of said) t.regex(reply, /^250 2\.0\.0/);
  for (const [at, word] of words.entries()) {
    const [, size] = await (at % 2 === 0 ? mx1 : mx2).logged(new RegExp(`: from=<${word}@load\\.example\\.net>, size=(\\d+)`));
    // Postfix counts without the CRs.
    t.true(Number(size) >= LARGE_BYTES * 0.99, `${size}`);
  }
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
