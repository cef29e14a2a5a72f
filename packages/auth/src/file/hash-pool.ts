// Checks passwords against slow hashes in threads, so that the event loop goes on: at most two, started when they are
// needed, which do not keep the process alive while they rest. argon2 goes there too, and not to the thread pool of Node,
// which file and name look-ups need. A bounded number of checks waits, those of each client in turn, so that one that asks
// and asks keeps nobody else out. Failure: verifier-down, when too many wait or a thread is lost.

import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { Failure } from "@postern/contracts";
import { LONGEST_PASSWORD } from "./schemes.ts";
import type { HashAnswer, HashQuestion } from "./hash-thread.ts";

const THREADS = 2;
const MAX_WAITING = 100;
// Installed, both are bundles with another extension.
const THREAD = new URL(`./hash-thread${extname(import.meta.url)}`, import.meta.url);

interface Job extends HashQuestion {
  readonly resolve: (matches: boolean) => void;
  readonly reject: (error: Failure) => void;
}

export class HashPool {
  readonly #resting: Worker[] = [];
  /** By thread; each has one job at a time. */
  readonly #busy = new Map<Worker, Job>();
  /** By client, in the order of their turns. */
  readonly #waiting = new Map<string, Job[]>();
  #waitingJobs = 0;
  #closed = false;

  /** Does the password, which is copied, belong to the hash? One that is too long fits nothing, and costs as much. */
  async check(hash: string, password: Buffer, client = ""): Promise<boolean> {
    if (this.#waitingJobs >= MAX_WAITING) this.#makeRoom(this.#waiting.get(client)?.length ?? 0);
    const copy = new Uint8Array(password.subarray(0, LONGEST_PASSWORD)).buffer;
    const matches = await new Promise<boolean>((resolve, reject) => {
      this.#wait(client, { hash, password: copy, resolve, reject });
      this.#next();
    });
    return matches && password.length <= LONGEST_PASSWORD;
  }

  /** The client with the most checks loses its last one, unless the newcomer, with so many, is no better. */
  #makeRoom(own: number): void {
    const most = [...this.#waiting.values()].reduce((one, other) => (other.length > one.length ? other : one), []);
    const busy = new Failure("verifier-down", `busy: ${MAX_WAITING} passwords wait for their check`);
    if (most.length <= own + 1) throw busy;
    most.pop()?.reject(busy);
    this.#waitingJobs -= 1;
  }

  #wait(client: string, job: Job): void {
    const jobs = this.#waiting.get(client);
    if (jobs === undefined) this.#waiting.set(client, [job]);
    else jobs.push(job);
    this.#waitingJobs += 1;
  }

  /** The next check of the client whose turn it is. */
  #take(): Job | undefined {
    const [turn] = this.#waiting;
    if (turn === undefined) return undefined;
    const [client, jobs] = turn;
    const job = jobs.shift();
    this.#waiting.delete(client);
    if (jobs.length > 0) this.#waiting.set(client, jobs);
    this.#waitingJobs -= 1;
    return job;
  }

  /** Threads end as soon as nothing waits for them; checks that run are answered. */
  close(): void {
    this.#closed = true;
    for (const thread of this.#resting.splice(0)) void thread.terminate();
  }

  #next(): void {
    const job = this.#busy.size < THREADS ? this.#take() : undefined;
    if (job === undefined) return;
    const thread = this.#resting.pop() ?? this.#start();
    this.#busy.set(thread, job);
    thread.ref();
    const question: HashQuestion = { hash: job.hash, password: job.password };
    thread.postMessage(question, [job.password]);
  }

  #start(): Worker {
    const thread = new Worker(THREAD, { name: "password hashes" });
    thread.on("message", (answer: HashAnswer) => this.#answered(thread, answer));
    thread.once("error", (error) => this.#lost(thread, error));
    thread.once("exit", () => this.#lost(thread, undefined));
    return thread;
  }

  #answered(thread: Worker, answer: HashAnswer): void {
    const job = this.#busy.get(thread);
    this.#busy.delete(thread);
    thread.unref();
    if (this.#closed && this.#waitingJobs === 0) void thread.terminate();
    else this.#resting.push(thread);
    if ("matches" in answer) job?.resolve(answer.matches);
    else job?.reject(new Failure("verifier-down", `the password could not be checked: ${answer.problem}`));
    this.#next();
  }

  #lost(thread: Worker, cause: unknown): void {
    const at = this.#resting.indexOf(thread);
    if (at !== -1) this.#resting.splice(at, 1);
    const job = this.#busy.get(thread);
    this.#busy.delete(thread);
    const reason = cause instanceof Error ? cause.message : "it ended";
    job?.reject(new Failure("verifier-down", `the thread of password hashes was lost: ${reason}`, { cause }));
    this.#next();
  }
}
