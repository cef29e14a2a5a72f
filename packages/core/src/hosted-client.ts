// A hosted client that is passed on to a backend as it is: what such a visit answers while it lasts, and how it is ended from
// outside, before and behind the moment at which a backend is joined. What it reads first, and how it is refused, is the protocol's.

import { Failure, toFailure, type Clock, type Ending, type Hosted, type HostedEnd, type Session } from "@postern/contracts";
import type { Connection, Relay } from "@postern/net";

/** The relay behind it, however the protocol watches it. */
export type Joined = Pick<Relay, "bytes" | "halfClosed" | "clientWaits" | "interrupt" | "destroy">;

export abstract class HostedClient implements Hosted {
  /** Never rejects. */
  readonly over: Promise<HostedEnd>;
  protected readonly client: Connection;
  protected readonly session: Session;
  protected backend: Connection | undefined;
  /** From here on its end is that of the relay. */
  protected joined: Joined | undefined;
  /** Why it is ended from outside, before it is joined. */
  protected stopped: Failure | undefined;
  readonly #clock: Clock;

  protected constructor(client: Connection, session: Session, clock: Clock) {
    this.client = client;
    this.session = session;
    this.#clock = clock;
    // Behind the constructors of what extends this.
    this.over = Promise.resolve().then(() => this.#run());
  }

  /** Resolves when the client is gone. Failure: nobody serves it. */
  protected abstract serve(): Promise<HostedEnd>;

  /** What a client hears that is not served; undefined: nothing. */
  protected abstract refusal(failure: Failure): string | Buffer | undefined;

  get owes(): boolean {
    return this.joined?.clientWaits ?? false;
  }

  get bytes(): number | undefined {
    return this.joined?.bytes;
  }

  get halfClosed(): boolean {
    return this.joined?.halfClosed ?? false;
  }

  /** No words of ours fit into a stream that is not ours: it just ends. */
  end(ending: Ending, failure: Failure | undefined): void {
    if (this.joined !== undefined) return this.joined.interrupt(ending, "");
    this.#stop(failure ?? new Failure("shutting-down", "Ended from outside"));
  }

  cut(): void {
    this.#stop(new Failure("client-gone", "Cut"));
    this.joined?.destroy();
    this.client.destroy();
    this.backend?.destroy();
  }

  /** No backend is tried for a client that has left. */
  protected mustBeThere(): void {
    if (this.stopped !== undefined) throw this.stopped;
    if (this.client.socket.destroyed) throw new Failure("client-gone", "The client left before a backend answered");
  }

  #stop(failure: Failure): void {
    this.stopped ??= failure;
    this.client.fail(failure);
    this.backend?.fail(failure);
  }

  async #run(): Promise<HostedEnd> {
    try {
      return await this.serve();
    } catch (error) {
      const failure = this.stopped ?? toFailure(error);
      this.backend?.destroy();
      await this.#refuse(failure);
      return { ending: "refused", reason: failure.message, failure };
    }
  }

  /** Resolves when the client has had time to read it. */
  async #refuse(failure: Failure): Promise<void> {
    const { socket } = this.client;
    const words = this.refusal(failure);
    if (words !== undefined) this.client.write(words);
    const closed = new Promise<void>((resolve) => {
      if (socket.closed) resolve();
      else socket.once("close", () => resolve());
    });
    this.client.close(this.#clock);
    await closed;
  }
}
