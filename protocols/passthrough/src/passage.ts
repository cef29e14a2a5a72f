// One client on its way to a backend: reads its ClientHello, finds the backend by the name in it, gives it these bytes, and
// relays both ways. Until a backend has answered, the next candidate can take its place. Never rejects: a client that cannot be
// served gets a TLS alert.

import type { Socket } from "node:net";
import {
  Failure,
  legText,
  toFailure,
  type Clock,
  type Ending,
  type Health,
  type Hosted,
  type HostedEnd,
  type Leg,
  type Logger,
  type Session,
} from "@postern/contracts";
import { CLIENT_ROLE, Connection, dial, firstThere, Relay } from "@postern/core";
import { alertFor } from "./alerts.ts";
import type { FindLegs } from "./names.ts";
import { readHello } from "./read-hello.ts";

export interface PassageHouse {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly health: Health;
  readonly find: FindLegs;
  readonly helloTimeoutMs: number;
}

/** Nobody reads lines here; of what comes behind the ClientHello little waits. */
const LIMITS = { maxLine: 1024, maxUnread: 64 * 1024 };

export class Passage implements Hosted {
  readonly over: Promise<HostedEnd>;
  readonly #session: Session;
  readonly #house: PassageHouse;
  readonly #client: Connection;
  #backend: Connection | undefined;
  #relay: Relay | undefined;
  /** It is ended from outside, before the relay runs. */
  #stopped: Failure | undefined;

  constructor(socket: Socket, session: Session, house: PassageHouse) {
    this.#session = session;
    this.#house = house;
    this.#client = new Connection(socket, CLIENT_ROLE, LIMITS, { secure: false, upgrade: undefined });
    this.over = this.#run();
  }

  get owes(): boolean {
    return this.#relay?.clientWaits ?? false;
  }

  get bytes(): number | undefined {
    return this.#relay?.bytes;
  }

  get halfClosed(): boolean {
    return this.#relay?.halfClosed ?? false;
  }

  /** No words of ours fit into a stream that is not ours: it just ends. */
  end(ending: Ending, failure: Failure | undefined): void {
    if (this.#relay !== undefined) return this.#relay.interrupt(ending, "");
    this.#stop(failure ?? new Failure("shutting-down", "Ended from outside"));
  }

  cut(): void {
    this.#stop(new Failure("client-gone", "Cut"));
    this.#relay?.destroy();
    this.#client.destroy();
    this.#backend?.destroy();
  }

  #stop(failure: Failure): void {
    this.#stopped ??= failure;
    this.#client.fail(failure);
    this.#backend?.fail(failure);
  }

  async #run(): Promise<HostedEnd> {
    try {
      const { backend, helloBytes } = await this.#meet();
      return await this.#copy(backend, helloBytes);
    } catch (error) {
      const failure = this.#stopped ?? toFailure(error);
      this.#backend?.destroy();
      await this.#refuse(failure);
      return { ending: "refused", reason: failure.message, failure };
    }
  }

  /** Reads the ClientHello, and has a backend answer it: from then on all that is left to do is to copy. */
  async #meet(): Promise<{ readonly backend: Connection; readonly helloBytes: number }> {
    const { clock, helloTimeoutMs, find } = this.#house;
    const session = this.#session;
    session.stage = "converse";
    this.#client.deadline(clock, helloTimeoutMs, "tls-handshake", `No ClientHello within ${helloTimeoutMs} ms`);
    const { bytes, serverName } = await readHello(this.#client);
    this.#client.deadline(clock, 0, "tls-handshake", "");
    if (serverName !== undefined) session.serverName = serverName;
    session.stage = "route";
    const legs = find(serverName);
    if (legs === undefined) throw new Failure("route-refused", `No backend is there for ${serverName ?? "clients without SNI"}`);
    return { backend: await this.#firstAnswering(legs, bytes), helloBytes: bytes.length };
  }

  /** The first of them that answers the ClientHello. */
  #firstAnswering(legs: readonly Leg[], hello: Buffer): Promise<Connection> {
    const attempt = async (leg: Leg): Promise<Connection> => {
      this.#mustBeThere();
      try {
        return await this.#answering(leg, hello);
      } catch (error) {
        this.#backend?.destroy();
        throw error;
      }
    };
    return firstThere(legs, attempt, { ...this.#house, session: this.#session });
  }

  async #answering(leg: Leg, hello: Buffer): Promise<Connection> {
    const { clock } = this.#house;
    const session = this.#session;
    session.stage = "dial";
    session.backend = leg.backend;
    session.backendAddress = { host: leg.host, port: leg.port };
    const client = { source: session.client, destination: session.local, tls: undefined };
    const backend = await dial(leg, { clock, limits: LIMITS, client, isSilent: true });
    this.#backend = backend;
    this.#mustBeThere();
    const late = `${legText(leg)}: no answer to the ClientHello within ${leg.replyTimeoutMs} ms`;
    backend.deadline(clock, leg.replyTimeoutMs, "backend-silent", late);
    backend.write(hello);
    await backend.firstBytes();
    backend.deadline(clock, 0, "backend-silent", "");
    return backend;
  }

  /** No backend is tried for a client that has left. */
  #mustBeThere(): void {
    if (this.#stopped !== undefined) throw this.#stopped;
    if (this.#client.socket.destroyed) throw new Failure("client-gone", "The client left before a backend answered");
  }

  async #copy(backend: Connection, helloBytes: number): Promise<HostedEnd> {
    const session = this.#session;
    session.stage = "relay";
    const { ending, reason } = await new Promise<Pick<HostedEnd, "ending" | "reason">>((done) => {
      this.#relay = new Relay(this.#client, backend, done);
    });
    session.bytesIn = helloBytes + (this.#relay?.bytesIn ?? 0);
    session.bytesOut = this.#relay?.bytesOut ?? 0;
    return { ending, reason };
  }

  /** Resolves when the client has had time to read it. */
  async #refuse(failure: Failure): Promise<void> {
    const { socket } = this.#client;
    const alert = alertFor(failure);
    if (alert !== "") this.#client.write(alert);
    const closed = new Promise<void>((resolve) => {
      if (socket.closed) resolve();
      else socket.once("close", () => resolve());
    });
    this.#client.close(this.#house.clock);
    await closed;
  }
}
