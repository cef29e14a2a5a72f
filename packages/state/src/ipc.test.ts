import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import test, { type ExecutionContext } from "ava";
import type { SharedState } from "@postern/contracts";
import { serveState } from "./ipc.ts";
import { createMemoryState, type MemoryState } from "./memory.ts";
import { isAsk } from "./messages.ts";
import { stateSuite } from "./suite.ts";
import type { Order } from "./test/worker.ts";

const WORKER = fileURLToPath(new URL("test/worker.ts", import.meta.url));

function forkWorker(t: ExecutionContext): ChildProcess {
  const worker = fork(WORKER, { execArgv: [], stdio: ["ignore", "pipe", "inherit", "ipc"] });
  t.teardown(() => worker.kill("SIGKILL"));
  return worker;
}

function startWorker(t: ExecutionContext, memory: MemoryState): ChildProcess {
  const worker = forkWorker(t);
  serveState(memory, worker);
  return worker;
}

/** The worker reports in JSON, which has no undefined. */
const numberOf = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);
const textOf = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

/** The worker's own state, worked from here by orders. */
function remote(worker: ChildProcess): SharedState & { order(method: Order["method"], args: Order["args"]): Promise<unknown> } {
  const waiting = new Map<number, (value: unknown) => void>();
  let last = 0;
  worker.on("message", (message: { type: string; id: number; value: unknown }) => {
    if (message.type === "report") waiting.get(message.id)?.(message.value);
  });
  function order(method: Order["method"], args: Order["args"]): Promise<unknown> {
    last += 1;
    const id = last;
    worker.send({ type: "order", id, method, args });
    return new Promise((resolve) => waiting.set(id, resolve));
  }
  return {
    order,
    take: async (key, limit) => (await order("take", [key, limit])) === true,
    count: async (key) => Number(await order("count", [key, 0])),
    hit: async (key, windowMs) => Number(await order("hit", [key, windowMs])),
    remember: async (key, ttlMs) => numberOf(await order("remember", [key, ttlMs])),
    recall: async (key) => numberOf(await order("recall", [key, 0])),
    claim: async (key, value, ttlMs) => textOf(await order("claim", [key, value, ttlMs])),
    claimed: async (key) => textOf(await order("claimed", [key, 0])),
    give: (key) => void order("give", [key]),
  };
}

stateSuite(test, "ipc state", async (t, time) => remote(startWorker(t, createMemoryState(time))));

test("ipc state: workers share the places of the primary", async (t) => {
  const memory = createMemoryState();
  const [one, two] = [remote(startWorker(t, memory)), remote(startWorker(t, memory))];
  t.true(await one.take("all", 2));
  t.true(await two.take("all", 2));
  t.false(await one.take("all", 2));
  t.false(await memory.take("all", 2));
  two.give("all");
  t.is(await two.count("all"), 1);
  t.true(await one.take("all", 2));
});

test("ipc state: a worker that is killed gives back all its places", async (t) => {
  const memory = createMemoryState();
  const [doomed, other] = [startWorker(t, memory), remote(startWorker(t, memory))];
  const state = remote(doomed);
  t.true(await state.take("all", 5));
  t.true(await state.take("all", 5));
  t.true(await state.take("user:alice", 5));
  t.true(await other.take("all", 5));
  const exited = once(doomed, "exit");
  process.kill(doomed.pid ?? t.fail(), "SIGKILL");
  await exited;
  t.is(await memory.count("all"), 1);
  t.deepEqual(memory.sizes(), { keys: 1, owners: 1, windows: 0, marks: 0, claims: 0 });
});

test("ipc state: what is asked in one turn travels in one message", async (t) => {
  const worker = startWorker(t, createMemoryState());
  const messages: number[] = [];
  worker.on("message", (message: unknown) => {
    if (isAsk(message)) messages.push(message.asks.length);
  });
  const taken = (await remote(worker).order("burst", [200])) as boolean[];
  t.deepEqual(messages, [200]);
  t.is(taken.filter(Boolean).length, 10);
});

test("ipc state: without the channel every take is allowed, nothing is counted or marked, and that is said once", async (t) => {
  const worker = forkWorker(t);
  await remote(worker).order("afterwards", []);
  const chunks: Buffer[] = [];
  worker.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
  const printed = once(worker.stdout ?? t.fail(), "end");
  worker.disconnect();
  await printed;
  const { warnings, ...told } = JSON.parse(Buffer.concat(chunks).toString()) as { warnings: string[] };
  t.deepEqual(told, { takes: [true, true, true], count: 0, hits: 0, kept: false, known: false, claimed: false });
  t.is(warnings.length, 1);
});

test("ipc state: a worker that disconnects gives back its places at once", async (t) => {
  const memory = createMemoryState();
  const worker = startWorker(t, memory);
  t.true(await remote(worker).take("all", 1));
  const gone = once(worker, "disconnect");
  worker.disconnect();
  await gone;
  t.is(await memory.count("all"), 0);
});

test("ipc state: workers share hits and marks, which outlive them", async (t) => {
  const memory = createMemoryState();
  const doomed = startWorker(t, memory);
  const [one, two] = [remote(doomed), remote(startWorker(t, memory))];
  t.is(await one.hit("client", 60_000), 1);
  t.is(await two.hit("client", 60_000), 2);
  t.is(await one.remember("seen", 60_000), 0);
  const gone = once(doomed, "exit");
  process.kill(doomed.pid ?? t.fail(), "SIGKILL");
  await gone;
  t.is(await two.hit("client", 60_000), 3);
  t.is(typeof (await two.recall("seen")), "number");
});
