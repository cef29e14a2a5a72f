// The primary's side of its workers: separate processes that share the ports. A worker that dies is replaced; a new
// configuration goes to all of them; the places that they take under limits are counted here.

import { fork, type ChildProcess } from "node:child_process";
import { sleep, type Clock, type Logger } from "@postern/contracts";
import { createMemoryState, serveState } from "@postern/state";
import { isFromWorker, type Orders, type Source, type ToWorker } from "./orders.ts";
import { withoutSystemd, type ActivatedSockets } from "./systemd/activation.ts";
import type { SharedTls } from "./tls-store.ts";

/** A worker that dies sooner than this is replaced only after a pause, so that a crash at start does not spin. */
const YOUNG_MS = 5000;
const START_MS = 30_000;
/** After the drain time a worker has this long to end by itself. */
const GRACE_MS = 12_000;

export const WORKER_FLAG = "POSTERN_WORKER";

export interface WorkerPoolParts {
  readonly workers: number;
  readonly shared: SharedTls;
  readonly sockets: ActivatedSockets;
  readonly logger: Logger;
  readonly clock: Clock;
}

export class WorkerPool {
  readonly #parts: WorkerPoolParts;
  readonly #state = createMemoryState();
  readonly #workers = new Map<number, ChildProcess>();
  #source: Source | undefined;
  #draining = false;

  constructor(parts: WorkerPoolParts) {
    this.#parts = parts;
  }

  /** Starts all workers; resolves when all listen. Throws the first reason why one cannot. */
  async start(source: Source): Promise<readonly string[]> {
    this.#source = source;
    const started = await Promise.allSettled(this.#slots().map((slot) => this.#spawn(slot, source)));
    const failed = started.find((result) => result.status === "rejected");
    if (failed !== undefined) {
      await this.drain(0);
      throw failed.reason;
    }
    const [first] = started;
    return first?.status === "fulfilled" ? first.value : [];
  }

  /** Sends the new configuration to all. When one cannot take it, all go back to the old one, and its reason is thrown. */
  async reload(source: Source): Promise<readonly string[]> {
    const answers = await this.#orderAll(source);
    const failed = answers.find((result) => result.status === "rejected");
    if (failed !== undefined) {
      if (this.#source !== undefined) await this.#orderAll(this.#source);
      throw failed.reason;
    }
    this.#source = source;
    const [first] = answers;
    return first?.status === "fulfilled" ? first.value : [];
  }

  reopenLogs(): void {
    for (const worker of this.#workers.values()) send(worker, { type: "postern.reopen" });
  }

  #orderAll(source: Source): Promise<PromiseSettledResult<readonly string[]>[]> {
    return Promise.allSettled([...this.#workers].map(([slot, worker]) => this.#order(worker, slot, source)));
  }

  async drain(drainMs: number): Promise<void> {
    this.#draining = true;
    const gone = [...this.#workers.values()].map((worker) => ended(worker));
    for (const worker of this.#workers.values()) send(worker, { type: "postern.drain" });
    const late = this.#parts.clock.after(drainMs + GRACE_MS, () => {
      for (const worker of this.#workers.values()) worker.kill("SIGKILL");
    });
    await Promise.all(gone);
    late.cancel();
  }

  #slots(): number[] {
    return Array.from({ length: this.#parts.workers }, (_, slot) => slot);
  }

  async #spawn(slot: number, source: Source): Promise<readonly string[]> {
    const { clock, logger, sockets } = this.#parts;
    const entry = process.argv[1];
    if (entry === undefined) throw new Error("Cannot start workers: the program has no file");
    const fds = [...sockets.values()].flat().toSorted((a, b) => a - b);
    const worker = fork(entry, process.argv.slice(2), {
      stdio: ["ignore", "inherit", "inherit", ...fds, "ipc"],
      env: { ...withoutSystemd(process.env), [WORKER_FLAG]: "1" },
    });
    const startedAt = clock.now();
    this.#workers.set(slot, worker);
    serveState(this.#state, worker);
    worker.once("exit", (code, signal) => {
      this.#workers.delete(slot);
      if (this.#draining) return;
      logger.error("A worker died and is replaced", { worker: worker.pid, code, signal });
      void this.#replace(slot, clock.now() - startedAt);
    });
    return this.#order(worker, slot, source);
  }

  async #replace(slot: number, livedMs: number): Promise<void> {
    if (livedMs < YOUNG_MS) await sleep(this.#parts.clock, YOUNG_MS);
    if (this.#draining || this.#source === undefined) return;
    try {
      await this.#spawn(slot, this.#source);
    } catch (error) {
      this.#parts.logger.error("A worker could not be replaced", {
        reason: error instanceof Error ? error.message : String(error),
      });
    }
  }

  /** Gives orders and waits for the answer; throws the worker's reason. */
  #order(worker: ChildProcess, slot: number, source: Source): Promise<readonly string[]> {
    const { shared, sockets, clock } = this.#parts;
    const orders: Orders = {
      source,
      ticketKeys: shared.ticketKeys.toString("base64"),
      selfSigned: shared.selfSigned,
      first: slot === 0,
      sockets: [...sockets],
    };
    return new Promise((resolve, reject) => {
      const late = clock.after(START_MS, () => finish(() => reject(new Error("A worker did not answer in time"))));
      const finish = (settle: () => void): void => {
        late.cancel();
        worker.off("message", onMessage);
        worker.off("exit", onExit);
        settle();
      };
      const onMessage = (message: unknown): void => {
        if (!isFromWorker(message)) return;
        finish(() => (message.type === "postern.ready" ? resolve(message.lines) : reject(new Error(message.reason))));
      };
      const onExit = (): void => finish(() => reject(new Error("A worker died before it was ready")));
      worker.on("message", onMessage);
      worker.once("exit", onExit);
      send(worker, { type: "postern.orders", orders });
    });
  }
}

function send(worker: ChildProcess, message: ToWorker): void {
  // A send that fails means that the worker is gone, and its exit says so too.
  if (worker.connected) worker.send(message, () => {});
}

function ended(worker: ChildProcess): Promise<void> {
  if (worker.exitCode !== null || worker.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => worker.once("exit", () => resolve()));
}
