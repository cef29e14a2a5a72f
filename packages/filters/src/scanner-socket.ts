// A connection to a scanner, read on demand: every wait has an end, and what the scanner sends ahead has a bound. Never
// listens, never retries. Throws Error in words for the log: "closed the connection", "did not answer within 30s".

import { connect, type Socket } from "node:net";
import { durationText, type Clock } from "@postern/contracts";
import type { ScannerAddress } from "./scanner-address.ts";

/** Above this the scanner is not read from until somebody asks. */
const MAX_AHEAD = 64 * 1024;

interface Waiter {
  readonly done: () => boolean;
  readonly settle: (problem?: Error) => void;
}

const problemOf = (error: NodeJS.ErrnoException): Error => new Error(error.code ?? error.message);

export class ScannerSocket {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #waiters = new Set<Waiter>();
  #chunks: Buffer[] = [];
  #held = 0;
  #wanted = 0;
  #connected = false;
  #problem: Error | undefined;

  private constructor(socket: Socket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
    socket.setNoDelay(true);
    socket.on("connect", () => {
      this.#connected = true;
      this.#look();
    });
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("drain", () => this.#look());
    socket.on("error", (error) => this.#break(problemOf(error)));
    socket.on("end", () => this.#break(new Error("closed the connection")));
    socket.on("close", () => this.#break(new Error("closed the connection")));
  }

  /** Connects; `timeoutMs` is all the time that it has. */
  static async open({ socketPath, host, port }: ScannerAddress, clock: Clock, timeoutMs: number): Promise<ScannerSocket> {
    const socket = new ScannerSocket(connect(socketPath === undefined ? { host, port } : { path: socketPath }), clock);
    try {
      await socket.#until(() => socket.#connected, timeoutMs, "take the connection");
    } catch (error) {
      socket.destroy();
      throw error;
    }
    return socket;
  }

  /** No more is to be had from it, or it sent what nobody asked for. */
  get stale(): boolean {
    return this.#problem !== undefined || this.#held > 0;
  }

  /** Bytes that came and were not read. */
  get pending(): number {
    return this.#held;
  }

  /** Queues bytes; they leave together. A promise: the scanner is slower than we are; wait before giving more. */
  write(data: readonly Buffer[], timeoutMs: number): void | Promise<void> {
    if (this.#problem !== undefined) throw this.#problem;
    this.#socket.cork();
    for (const part of data) this.#socket.write(part);
    this.#socket.uncork();
    if (!this.#socket.writableNeedDrain) return undefined;
    return this.#until(() => !this.#socket.writableNeedDrain, timeoutMs, "take more bytes");
  }

  /** A few bytes that nobody waits for; one that does not take them is found out by who writes next. */
  send(data: Buffer): void {
    if (this.#problem === undefined) this.#socket.write(data);
  }

  /** Exactly `count` bytes. What came before it closed is still given. */
  async read(count: number, timeoutMs: number): Promise<Buffer> {
    this.#want(count);
    await this.#until(() => this.#held >= count, timeoutMs, "answer");
    return this.#give(count);
  }

  /** All up to `end`, and without it; at most `max` bytes. */
  async readUntil(end: number, max: number, timeoutMs: number): Promise<Buffer> {
    this.#want(max);
    let at = -1;
    const found = (): boolean => (at = this.#whole().indexOf(end)) !== -1 || this.#held > max;
    await this.#until(found, timeoutMs, "answer");
    if (at === -1 || at > max) throw new Error(`sent more than ${max} bytes where one line was due`);
    return this.#give(at + 1).subarray(0, at);
  }

  /** Says its last bytes, and leaves without waiting for a scanner that does not take them. */
  end(data: Buffer): void {
    const takes = this.#problem === undefined && this.#socket.writableLength === 0;
    this.#break(new Error("was left"));
    if (takes) this.#socket.end(data, () => this.#socket.destroy());
    else this.#socket.destroy();
  }

  destroy(): void {
    this.#break(new Error("was left"));
    this.#socket.destroy();
  }

  #want(count: number): void {
    this.#wanted = count;
    if (this.#held < count) this.#socket.resume();
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    if (this.#held >= Math.max(MAX_AHEAD, this.#wanted)) this.#socket.pause();
    this.#look();
  }

  #whole(): Buffer {
    const [first = Buffer.alloc(0), ...rest] = this.#chunks;
    if (rest.length === 0) return first;
    const whole = Buffer.concat(this.#chunks);
    this.#chunks = [whole];
    return whole;
  }

  #give(count: number): Buffer {
    const whole = this.#whole();
    this.#chunks = count < whole.length ? [whole.subarray(count)] : [];
    this.#held -= count;
    this.#wanted = 0;
    return whole.subarray(0, count);
  }

  #break(problem: Error): void {
    this.#problem ??= problem;
    this.#look();
  }

  #look(): void {
    for (const waiter of this.#waiters) {
      if (waiter.done()) waiter.settle();
      else if (this.#problem !== undefined) waiter.settle(this.#problem);
    }
  }

  #until(done: () => boolean, timeoutMs: number, what: string): Promise<void> {
    if (done()) return Promise.resolve();
    if (this.#problem !== undefined) return Promise.reject(this.#problem);
    return new Promise((resolve, reject) => {
      const late = (): void => waiter.settle(new Error(`did not ${what} within ${durationText(timeoutMs)}`));
      const timer = this.#clock.after(timeoutMs, late);
      const waiter: Waiter = {
        done,
        settle: (problem) => {
          timer.cancel();
          this.#waiters.delete(waiter);
          if (problem === undefined) resolve();
          else reject(problem);
        },
      };
      this.#waiters.add(waiter);
    });
  }
}
