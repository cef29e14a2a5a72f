// One client on its way to a backend: reads its ClientHello, finds the backend by the name in it, gives it these bytes, and
// relays both ways. Until a backend has answered, the next candidate can take its place. Never rejects: a client that cannot be
// served gets a TLS alert.

import type { Socket } from "node:net";
import {
  Failure,
  legText,
  type Clock,
  type Health,
  type HostedEnd,
  type Leg,
  type Logger,
  type Session,
} from "@postern/contracts";
import { CLIENT_ROLE, Connection, dial, firstThere, HostedClient, Relay } from "@postern/core";
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

export class Passage extends HostedClient {
  readonly #house: PassageHouse;

  constructor(socket: Socket, session: Session, house: PassageHouse) {
    super(new Connection(socket, CLIENT_ROLE, LIMITS, { secure: false, upgrade: undefined }), session, house.clock);
    this.#house = house;
  }

  protected async serve(): Promise<HostedEnd> {
    const { backend, helloBytes } = await this.#meet();
    return this.#copy(backend, helloBytes);
  }

  protected refusal(failure: Failure): string | undefined {
    return alertFor(failure) || undefined;
  }

  /** Reads the ClientHello, and has a backend answer it: from then on all that is left to do is to copy. */
  async #meet(): Promise<{ readonly backend: Connection; readonly helloBytes: number }> {
    const { clock, helloTimeoutMs, find } = this.#house;
    const session = this.session;
    session.stage = "converse";
    this.client.deadline(clock, helloTimeoutMs, "tls-handshake", `No ClientHello within ${helloTimeoutMs} ms`);
    const { bytes, serverName } = await readHello(this.client);
    this.client.deadline(clock, 0, "tls-handshake", "");
    if (serverName !== undefined) session.serverName = serverName;
    session.stage = "route";
    const legs = find(serverName);
    if (legs === undefined) throw new Failure("route-refused", `No backend is there for ${serverName ?? "clients without SNI"}`);
    return { backend: await this.#firstAnswering(legs, bytes), helloBytes: bytes.length };
  }

  /** The first of them that answers the ClientHello. */
  #firstAnswering(legs: readonly Leg[], hello: Buffer): Promise<Connection> {
    const attempt = async (leg: Leg): Promise<Connection> => {
      this.mustBeThere();
      try {
        return await this.#answering(leg, hello);
      } catch (error) {
        this.backend?.destroy();
        throw error;
      }
    };
    return firstThere(legs, attempt, { ...this.#house, session: this.session });
  }

  async #answering(leg: Leg, hello: Buffer): Promise<Connection> {
    const { clock } = this.#house;
    const session = this.session;
    session.stage = "dial";
    session.backend = leg.backend;
    session.backendAddress = { host: leg.host, port: leg.port };
    const client = { source: session.client, destination: session.local, tls: undefined };
    const backend = await dial(leg, { clock, limits: LIMITS, client, isSilent: true });
    this.backend = backend;
    this.mustBeThere();
    const late = `${legText(leg)}: no answer to the ClientHello within ${leg.replyTimeoutMs} ms`;
    backend.deadline(clock, leg.replyTimeoutMs, "backend-silent", late);
    backend.write(hello);
    await backend.firstBytes();
    backend.deadline(clock, 0, "backend-silent", "");
    return backend;
  }

  async #copy(backend: Connection, helloBytes: number): Promise<HostedEnd> {
    const session = this.session;
    session.stage = "relay";
    const { promise, resolve } = Promise.withResolvers<Pick<HostedEnd, "ending" | "reason">>();
    const relay = new Relay(this.client, backend, resolve);
    this.joined = relay;
    const { ending, reason } = await promise;
    session.bytesIn = helloBytes + relay.bytesIn;
    session.bytesOut = relay.bytesOut;
    return { ending, reason };
  }
}
