import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Clock } from "@postern/contracts";
import test, { type ExecutionContext } from "ava";
import { createNotifier } from "./notify.ts";

// Node has no unix datagram socket, so the part of systemd is played by Python: one JSON line per datagram.
const RECEIVER = `
import json, socket, sys
name = sys.argv[1]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("\\0" + name[1:] if name[0] == "@" else name)
print("bound", flush=True)
while True:
    print(json.dumps(s.recv(65536).decode()), flush=True)
`;

/** A notify socket and what arrives there, in order. */
async function receiver(t: ExecutionContext, name?: string): Promise<{ path: string; next: () => Promise<string> }> {
  const folder = await mkdtemp(join(tmpdir(), "postern-notify-"));
  const path = name ?? join(folder, "notify.sock");
  const python: ChildProcess = spawn("python3", ["-c", RECEIVER, path], { stdio: ["ignore", "pipe", "inherit"] });
  t.teardown(async () => {
    python.kill();
    if (python.exitCode === null && python.signalCode === null) await once(python, "exit");
    await rm(folder, { recursive: true });
  });
  const lines = createInterface({ input: python.stdout! })[Symbol.asyncIterator]();
  t.is((await lines.next()).value, "bound");
  return { path, next: async () => JSON.parse(String((await lines.next()).value)) as string };
}

const unexpected = (t: ExecutionContext) => (reason: string) => t.fail(reason);

test("notify: tells systemd ready, status, reloading and stopping, in order", async (t) => {
  const { path, next } = await receiver(t);
  const notifier = createNotifier({ NOTIFY_SOCKET: path }, { onProblem: unexpected(t) });
  void notifier.ready("4 listeners");
  void notifier.status("12 sessions");
  void notifier.reloading();
  await notifier.stopping("draining");
  t.is(await next(), "READY=1\nSTATUS=4 listeners");
  t.is(await next(), "STATUS=12 sessions");
  t.regex(await next(), /^RELOADING=1\nMONOTONIC_USEC=\d+$/);
  t.is(await next(), "STOPPING=1\nSTATUS=draining");
});

test("notify: reaches an abstract socket", async (t) => {
  const { path, next } = await receiver(t, `@postern-test-${process.pid}-${Date.now()}`);
  await createNotifier({ NOTIFY_SOCKET: path }, { onProblem: unexpected(t) }).ready("up");
  t.is(await next(), "READY=1\nSTATUS=up");
});

test("notify: uses systemd-notify where libc cannot be called", async (t) => {
  const { path, next } = await receiver(t);
  const notifier = createNotifier({ NOTIFY_SOCKET: path }, { sender: Promise.resolve(undefined), onProblem: unexpected(t) });
  await notifier.ready("up");
  t.regex(await next(), /^READY=1\nSTATUS=up$/m);
});

test("notify: a status text cannot smuggle in another assignment", async (t) => {
  const { path, next } = await receiver(t);
  await createNotifier({ NOTIFY_SOCKET: path }).status("user a\nMAINPID=1\r\nx");
  t.is(await next(), "STATUS=user a MAINPID=1 x");
});

test("notify: the watchdog beats at half its limit from ready until close", async (t) => {
  const { path, next } = await receiver(t);
  const due: { ms: number; task: () => void; cancelled: boolean }[] = [];
  const clock: Clock = {
    now: () => 0,
    after(ms, task) {
      const timer = { ms, task, cancelled: false };
      due.push(timer);
      return { cancel: () => void (timer.cancelled = true) };
    },
  };
  const env = { NOTIFY_SOCKET: path, WATCHDOG_USEC: "30000000", WATCHDOG_PID: String(process.pid) };
  const notifier = createNotifier(env, { clock, onProblem: unexpected(t) });
  t.is(due.length, 0);
  await notifier.ready("up");
  t.is(await next(), "WATCHDOG=1");
  t.is(await next(), "READY=1\nSTATUS=up");
  t.is(due[0]!.ms, 15_000);
  due[0]!.task();
  t.is(await next(), "WATCHDOG=1");
  await notifier.ready("again");
  t.is(due.length, 2, "a second ready starts no second heartbeat");
  notifier.close();
  t.true(due[1]!.cancelled);
});
