// Several processes on the same ports, from outside: workers that die are replaced, limits are counted over all of them,
// a reload reaches all, and none outlives the primary.

import { existsSync } from "node:fs";
import test from "ava";
import type { ExecutionContext } from "ava";
import { Talk } from "./clients.ts";
import { childrenOf, startGateway } from "./gateway-process.ts";
import type { Gateway, GatewayOptions } from "./gateway-process.ts";
import { ALICE, BOB, CAROL, FILES, LISTENERS, plain, ROUTES, startMailboxes } from "./mailboxes.ts";
import type { Mailboxes } from "./mailboxes.ts";
import { until } from "./until.ts";

let mailboxes: Mailboxes;

test.before(async () => {
  mailboxes = await startMailboxes();
});

test.after.always(() => mailboxes?.stop());

async function start(t: ExecutionContext, change: Partial<GatewayOptions> = {}): Promise<Gateway> {
  const { config, ...rest } = change;
  const gateway = await startGateway({
    listeners: LISTENERS,
    backends: mailboxes.backends,
    routes: ROUTES,
    files: FILES,
    config: { workers: 2, ...config },
    ...rest,
  });
  t.teardown(() => gateway.stop());
  return gateway;
}

async function logIn(gateway: Gateway, user = ALICE): Promise<Talk> {
  const talk = await Talk.open({ port: gateway.port("imaps") });
  const answer = await talk.ask(`a AUTHENTICATE PLAIN ${plain(user)}\r\n`, /^a .*\r\n/m);
  if (/^a OK/m.test(answer)) return talk;
  talk.close();
  throw new Error(answer);
}

const alive = (talk: Talk): Promise<string> => talk.ask("n NOOP\r\n", /^n OK.*\r\n/m);

test("workers: both serve, one that is killed is replaced, and sessions of the other live on", async (t) => {
  const gateway = await start(t);
  const workers = childrenOf(gateway.pid);
  t.is(workers.length, 2);
  const talks = await Promise.all(Array.from({ length: 16 }, () => logIn(gateway)));
  const [victim = 0, other = 0] = workers;
  process.kill(victim, "SIGKILL");
  const died = await gateway.logged({ message: /worker died/i });
  t.is(died["worker"], victim);
  const answers = await Promise.allSettled(talks.map(alive));
  const left = talks.filter((_, index) => answers[index]?.status === "fulfilled");
  t.true(left.length > 0 && left.length < talks.length, `${left.length} of ${talks.length} live on`);
  // Nobody has to wait for the replacement.
  for (let count = 0; count < 8; count += 1) (await logIn(gateway)).close();
  const now = await until(
    () => {
      const present = childrenOf(gateway.pid);
      return present.length === 2 ? present : undefined;
    },
    () => gateway.written(),
    30_000,
  );
  t.true(now.includes(other));
  t.false(now.includes(victim));
  await Promise.all(left.map(alive));
  for (const talk of left) talk.close();
});

test("workers: limits count over all workers, and a dead worker's places are given back", async (t) => {
  const gateway = await start(t, { config: { workers: 2, limits: { connections: { perUser: 4 } } } });
  const talks = await Promise.all(Array.from({ length: 4 }, () => logIn(gateway)));
  const fifth = await Talk.open({ port: gateway.port("imaps") });
  t.regex(await fifth.ask(`a AUTHENTICATE PLAIN ${plain(ALICE)}\r\n`, /^a .*\r\n/m), /a NO \[LIMIT\]/);
  for (const pid of childrenOf(gateway.pid).slice(0, 1)) process.kill(pid, "SIGKILL");
  await gateway.logged({ message: /worker died/i });
  for (const talk of talks) talk.close();
  const again = await until(
    () => logIn(gateway).catch(() => undefined),
    () => "a place to be free again",
  );
  again.close();
  fifth.close();
  t.pass();
});

test("workers: a reload reaches all of them, and old sessions live on with the old configuration", async (t) => {
  const gateway = await start(t, { routes: [{ source: "static", users: { [ALICE]: "mbx1", [BOB]: "mbx1" } }] });
  const old = await Promise.all(Array.from({ length: 8 }, () => logIn(gateway)));
  // bob's mailbox is not there: his login is refused until the route is mended.
  await t.throwsAsync(logIn(gateway, BOB));
  await gateway.rewrite({ routes: ROUTES });
  gateway.signal("SIGHUP");
  await gateway.logged({ message: "reloaded" });
  for (let count = 0; count < 12; count += 1) (await logIn(gateway, BOB)).close();
  for (const talk of old) {
    await alive(talk);
    talk.close();
  }
  await mailboxes.mbx2.logged(new RegExp(`Login: user=<${BOB}>`));
});

test("workers: when the primary is killed, its workers say goodbye and end", async (t) => {
  const gateway = await start(t);
  const workers = childrenOf(gateway.pid);
  const talk = await logIn(gateway, CAROL);
  gateway.signal("SIGKILL");
  t.regex(await talk.over(), /^\* BYE /m);
  await until(
    () => workers.every((pid) => !existsSync(`/proc/${pid}`)) || undefined,
    () => `the workers ${workers.join(", ")} to end`,
    20_000,
  );
});

test("workers: SIGTERM ends all of them with exit code 0, and every session is told", async (t) => {
  const gateway = await start(t);
  const workers = childrenOf(gateway.pid);
  const talks = await Promise.all(Array.from({ length: 8 }, () => logIn(gateway)));
  gateway.signal("SIGTERM");
  for (const talk of talks) t.regex(await talk.over(), /^\* BYE /m);
  t.is(await gateway.ended(), 0);
  t.true(workers.every((pid) => !existsSync(`/proc/${pid}`)));
  t.is(gateway.log().filter(({ ending }) => ending === "drained").length, talks.length);
});
