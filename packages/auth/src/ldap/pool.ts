// Connections to one server that are used again: each by one check at a time, so many at most, so many checks waiting for
// one, none kept that rests too long. A kept connection that the server has closed meanwhile is replaced, and the work done
// again. Throws Error: the server cannot be reached, or too many wait; and what the work throws.

import type { Clock, Timer } from "@postern/contracts";
import type { LdapConnection } from "./connection.ts";
import type { Deadline } from "./deadline.ts";

export interface PoolOptions {
  readonly open: (deadline: Deadline) => Promise<LdapConnection>;
  /** Connections at a time; twenty times as many checks may wait. */
  readonly limit: number;
  readonly clock: Clock;
}

const WAITING_PER_CONNECTION = 20;
const IDLE_MS = 60_000;

export class ConnectionPool {
  readonly #options: PoolOptions;
  readonly #idle = new Map<LdapConnection, Timer>();
  readonly #all = new Set<LdapConnection>();
  readonly #waiting = new Set<() => void>();
  #used = 0;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Runs `work` with a connection that nobody else has meanwhile. Work may run again, on another connection. */
  async use<T>(deadline: Deadline, work: (connection: LdapConnection) => Promise<T>): Promise<T> {
    await this.#enter(deadline);
    try {
      for (;;) {
        const kept = this.#takeIdle();
        const connection = kept ?? (await this.#open(deadline));
        try {
          return await work(connection);
        } catch (error) {
          const stale = kept !== undefined && !connection.alive && !deadline.over;
          if (!stale) throw error;
        } finally {
          this.#keep(connection);
        }
      }
    } finally {
      this.#leave();
    }
  }

  /** Closes all connections; what is under way fails. */
  close(): void {
    this.#closed = true;
    for (const connection of this.#all) connection.close();
  }

  async #enter(deadline: Deadline): Promise<void> {
    const { limit } = this.#options;
    if (this.#used < limit) {
      this.#used += 1;
      return;
    }
    if (this.#waiting.size >= limit * WAITING_PER_CONNECTION) throw new Error(`${this.#waiting.size} checks are waiting already`);
    await new Promise<void>((resolve, reject) => {
      const go = (): void => {
        callOff();
        resolve();
      };
      const callOff = deadline.watch(() => {
        this.#waiting.delete(go);
        reject(new Error(`all ${limit} connections were busy all the time`));
      });
      this.#waiting.add(go);
    });
  }

  /** The place goes to who has waited longest. */
  #leave(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#used -= 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }

  async #open(deadline: Deadline): Promise<LdapConnection> {
    if (this.#closed) throw new Error("the verifier was closed");
    const connection = await this.#options.open(deadline);
    this.#all.add(connection);
    connection.onClose(() => this.#forget(connection));
    if (this.#closed) connection.close();
    return connection;
  }

  #takeIdle(): LdapConnection | undefined {
    const [connection] = [...this.#idle.keys()].slice(-1);
    if (connection === undefined) return undefined;
    this.#idle.get(connection)?.cancel();
    this.#idle.delete(connection);
    return connection;
  }

  #keep(connection: LdapConnection): void {
    if (!connection.alive) return;
    const timer = this.#options.clock.after(IDLE_MS, () => connection.close());
    this.#idle.set(connection, timer);
  }

  #forget(connection: LdapConnection): void {
    this.#idle.get(connection)?.cancel();
    this.#idle.delete(connection);
    this.#all.delete(connection);
  }
}
