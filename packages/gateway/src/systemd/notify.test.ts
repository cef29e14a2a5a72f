import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { loadDatagramSender, unixAddress } from "./datagram.ts";
import { createNotifier, watchdogMs } from "./notify.ts";

test("notify: this Node can call libc itself", async (t) => {
  t.is(typeof (await loadDatagramSender()), "function");
});

test("notify: does nothing outside systemd", async (t) => {
  const notifier = createNotifier({}, { onProblem: (reason) => t.fail(reason) });
  await t.notThrowsAsync(notifier.ready("up"));
  await t.notThrowsAsync(notifier.stopping("down"));
});

test("notify: says why systemd could not be told, and throws nothing", async (t) => {
  const problems: string[] = [];
  const notifier = createNotifier(
    { NOTIFY_SOCKET: join(tmpdir(), "postern-no-such-folder", "notify") },
    { onProblem: (reason) => problems.push(reason) },
  );
  await notifier.ready("up");
  t.is(problems.length, 1);
  t.regex(problems[0]!, /^Cannot tell systemd "READY=1": Cannot send a datagram to/);
});

test("watchdog: is off without a limit, with a broken one, and when it is another process's", (t) => {
  t.is(watchdogMs({}, 7), 0);
  t.is(watchdogMs({ WATCHDOG_USEC: "-5" }, 7), 0);
  t.is(watchdogMs({ WATCHDOG_USEC: "soon" }, 7), 0);
  t.is(watchdogMs({ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "8" }, 7), 0);
  t.is(watchdogMs({ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "7" }, 7), 30_000);
  t.is(watchdogMs({ WATCHDOG_USEC: "30000000" }, 7), 30_000);
});

test("unix address: refuses what is no socket name, and names that would be cut off", (t) => {
  for (const path of ["", "@", "/", "run/notify", `/${"x".repeat(107)}`])
    t.throws(() => unixAddress(path), { message: /Cannot use/ }, path);
  t.is(unixAddress(`/${"x".repeat(106)}`).length, 2 + 108);
});
