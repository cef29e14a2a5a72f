// One pooled connection: greeted, watched while nobody has it, and lent.

import { legText, type BackendDialogue, type Clock, type Leg } from "@postern/contracts";
import type { Connection, TraceLine } from "@postern/net";
import type { BackendPoolParts, PooledBackend } from "./backend-pool.ts";

type Greeting<T> = Pick<BackendPoolParts<T>, "greet" | "clock"> & { readonly trace: TraceLine | undefined };

export class Link<T> {
  readonly connection: Connection;
  readonly dialogue: WatchedDialogue;
  readonly state: T;
  /** When it began to wait. */
  since = 0;

  /** Throws what `greet` throws; the connection is cut then. Failure: backend-silent. */
  static async greeted<T>(connection: Connection, leg: Leg, { greet, clock, trace }: Greeting<T>): Promise<Link<T>> {
    const ms = leg.replyTimeoutMs;
    connection.traceLine = trace;
    connection.deadline(clock, ms, "backend-silent", `${legText(leg)}: not ready for use within ${ms} ms`);
    try {
      const state = await greet(connection, leg);
      connection.deadline(clock, 0, "backend-silent", "");
      return new Link(connection, state);
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  constructor(connection: Connection, state: T) {
    this.connection = connection;
    this.dialogue = new WatchedDialogue(connection);
    this.state = state;
    // After a drain nobody hears its answer any more.
    connection.socket.unref();
  }

  /** The backend is there, and has said nothing that was not read. */
  get isQuiet(): boolean {
    return this.connection.pending === 0 && !this.connection.ended;
  }

  watch(stirred: () => void): void {
    this.dialogue.watch(stirred);
  }
}

/**
 * A connection that is read from while nobody has it, so that a backend that leaves, or speaks unasked, is noticed at once.
 * That read cannot be taken back: whoever reads next begins with it.
 */
class WatchedDialogue implements BackendDialogue {
  readonly #connection: Connection;
  #watch: Promise<void> | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** `stirred` is called once, when bytes have come or the backend is gone. */
  watch(stirred: () => void): void {
    this.#watch ??= this.#connection.firstBytes();
    this.#watch.then(stirred, stirred);
  }

  get pending(): number {
    return this.#connection.pending;
  }

  get secure(): boolean {
    return this.#connection.secure;
  }

  readLine(): Promise<string> {
    return this.#watch === undefined ? this.#connection.readLine() : this.#afterWatch(() => this.#connection.readLine());
  }

  readBytes(count: number): Promise<Buffer> {
    return this.#watch === undefined
      ? this.#connection.readBytes(count)
      : this.#afterWatch(() => this.#connection.readBytes(count));
  }

  write(data: string | Buffer): void {
    this.#connection.write(data);
  }

  writeSecret(data: string | Buffer, masked: string): void {
    this.#connection.writeSecret(data, masked);
  }

  trace(text: string): void {
    this.#connection.trace(text);
  }

  startTls(): Promise<void> {
    return this.#connection.startTls();
  }

  drained(): Promise<void> | undefined {
    return this.#connection.drained();
  }

  async #afterWatch<R>(read: () => Promise<R>): Promise<R> {
    const watch = this.#watch;
    this.#watch = undefined;
    await watch;
    return read();
  }
}

/** What becomes of a connection behind a loan. */
export type Back = (how: "keep" | "leave" | "cut") => void;

export class Loan<T> implements PooledBackend<T> {
  readonly leg: Leg;
  readonly reused: boolean;
  readonly #link: Link<T>;
  readonly #clock: Clock;
  #back: Back | undefined;

  constructor(leg: Leg, link: Link<T>, reused: boolean, clock: Clock, back: Back) {
    this.leg = leg;
    this.reused = reused;
    this.#link = link;
    this.#clock = clock;
    this.#back = back;
  }

  get dialogue(): BackendDialogue {
    return this.#link.dialogue;
  }

  get state(): T {
    return this.#link.state;
  }

  deadline(ms: number, reason: string): void {
    this.#link.connection.deadline(this.#clock, ms, "backend-silent", reason);
  }

  giveBack(): void {
    this.#end("keep");
  }

  leave(): void {
    this.#end("leave");
  }

  drop(): void {
    this.#end("cut");
  }

  #end(how: Parameters<Back>[0]): void {
    const back = this.#back;
    this.#back = undefined;
    back?.(how);
  }
}
