// Helpers that run side by side, started as they are needed, and a bounded queue before them. A question that is not
// answered in time fails, and takes its helper with it. Throws Failure verifier-down.

import { durationText, Failure, type Clock, type Timer } from "@postern/contracts";
import { Helper } from "./helper.ts";

/** Questions that wait; those behind fail at once. */
const QUEUE = 256;

interface Job {
  readonly question: string;
  readonly answer: PromiseWithResolvers<readonly string[]>;
  timer: Timer;
  helper: Helper | undefined;
}

export interface PoolOptions {
  readonly command: readonly string[];
  readonly processes: number;
  /** Milliseconds. */
  readonly timeout: number;
}

export class HelperPool {
  readonly #options: PoolOptions;
  readonly #clock: Clock;
  readonly #helpers = new Set<Helper>();
  #idle: Helper[] = [];
  #waiting: Job[] = [];
  #closed = false;

  constructor(options: PoolOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
  }

  /** The lines of the answer. */
  async ask(question: string): Promise<readonly string[]> {
    if (this.#closed) throw new Failure("verifier-down", "the NTLM helpers are closed");
    if (this.#waiting.length >= QUEUE) throw new Failure("verifier-down", `${QUEUE} logins wait for the NTLM helpers already`);
    const job: Job = { question, answer: Promise.withResolvers(), timer: { cancel: () => {} }, helper: undefined };
    job.timer = this.#clock.after(this.#options.timeout, () => this.#expire(job));
    this.#waiting.push(job);
    this.#next();
    try {
      return await job.answer.promise;
    } finally {
      job.timer.cancel();
    }
  }

  /** Ends all helpers; open questions fail. */
  close(): void {
    this.#closed = true;
    for (const job of this.#waiting.splice(0)) job.answer.reject(new Failure("verifier-down", "the NTLM helpers are closed"));
    for (const helper of this.#helpers) helper.end("is closed");
  }

  /** Gives waiting questions to free helpers. */
  #next(): void {
    while (this.#waiting.length > 0) {
      const helper = this.#free();
      const job = helper && this.#waiting.shift();
      if (helper === undefined || job === undefined) return;
      job.helper = helper;
      void this.#run(job, helper);
    }
  }

  #free(): Helper | undefined {
    for (const helper of this.#helpers) if (!helper.alive) this.#helpers.delete(helper);
    this.#idle = this.#idle.filter(({ alive }) => alive);
    const idle = this.#idle.pop();
    if (idle !== undefined || this.#helpers.size >= this.#options.processes) return idle;
    const fresh = new Helper(this.#options.command);
    this.#helpers.add(fresh);
    return fresh;
  }

  /** Never rejects: the job has the answer, or why there is none. */
  async #run(job: Job, helper: Helper): Promise<void> {
    try {
      job.answer.resolve(await helper.ask(job.question));
    } catch (error) {
      job.answer.reject(error);
    }
    if (helper.alive) this.#idle.push(helper);
    if (!this.#closed) this.#next();
  }

  #expire(job: Job): void {
    const late = `does not answer within ${durationText(this.#options.timeout)}`;
    this.#waiting = this.#waiting.filter((other) => other !== job);
    if (job.helper === undefined) job.answer.reject(new Failure("verifier-down", `no NTLM helper was free: it ${late}`));
    else job.helper.end(late);
  }
}
