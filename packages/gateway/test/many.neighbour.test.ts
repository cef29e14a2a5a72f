// Two thousand sessions at once through the real program to a real Dovecot: all log in, all work, all end, and the
// memory that they held is told.

import test from "ava";
import type { ExecutionContext } from "ava";
import { Talk } from "./clients.ts";
import { memoryKb, startGateway } from "./gateway-process.ts";
import type { Gateway } from "./gateway-process.ts";
import { ALICE, BOB, FILES, LISTENERS, plain, ROUTES, startMailboxes } from "./mailboxes.ts";
import type { Mailboxes } from "./mailboxes.ts";
import { until } from "./until.ts";

const SESSIONS = 2000;
const AT_ONCE = 50;

let mailboxes: Mailboxes;
let gateway: Gateway;

test.before(async () => {
  mailboxes = await startMailboxes();
  gateway = await startGateway({
    listeners: LISTENERS,
    backends: mailboxes.backends,
    routes: ROUTES,
    files: FILES,
    config: { workers: 2, limits: { connections: { perUser: 0 } }, log: { level: "info" } },
  });
});

test.after.always(async () => {
  await gateway?.stop();
  await mailboxes?.stop();
});

/** Runs a task for each item, so many of them at a time. */
async function each<T>(items: readonly T[], task: (item: T, index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) await task(items[index] as T, index);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

async function logIn(index: number): Promise<Talk> {
  // Addresses of two hundred people, four connections of each of two users from every one.
  const talk = await Talk.open({ port: gateway.port("imaps"), from: `127.0.1.${1 + (index % 200)}` });
  await talk.ask(`a AUTHENTICATE PLAIN ${plain(index % 2 === 0 ? ALICE : BOB)}\r\n`, /^a OK.*\r\n/m);
  await talk.ask("b SELECT INBOX\r\n", /^b OK.*\r\n/m);
  return talk;
}

function ended(t: ExecutionContext): Promise<unknown> {
  return until(
    () => {
      const lines = gateway.log().filter(({ message }) => String(message).startsWith("session ended"));
      return lines.length === SESSIONS ? lines : undefined;
    },
    () => `${SESSIONS} sessions to end`,
    60_000,
  ).then((lines) => {
    t.true(lines.every(({ ending }) => ending === "backend-closed"));
    return lines;
  });
}

test(`many: ${SESSIONS} sessions at once log in, answer NOOP, and end`, async (t) => {
  t.timeout(180_000);
  for (const [box, user] of [
    [mailboxes.mbx1, ALICE],
    [mailboxes.mbx2, BOB],
  ] as const)
    await box.deliver(user, "Subject: hello\n\nhello\n");
  const empty = memoryKb(gateway.pid);
  const talks: Talk[] = [];
  await each(Array.from({ length: SESSIONS }), async (_, index) => {
    talks.push(await logIn(index));
  });
  t.is(talks.length, SESSIONS);
  const full = memoryKb(gateway.pid);
  t.log(`${empty} kB before, ${full} kB with ${SESSIONS} sessions: ${((full - empty) / SESSIONS).toFixed(1)} kB each`);
  await each(talks, async (talk) => {
    t.regex(await talk.ask("n NOOP\r\n", /^n .*\r\n/m), /^n OK/m);
  });
  await each(talks, async (talk) => {
    await talk.ask("z LOGOUT\r\n", /^z OK.*\r\n/m);
    await talk.over();
  });
  await ended(t);
});
