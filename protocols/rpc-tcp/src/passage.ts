// The relay of a client that is bound at its backend, with a gate in each direction: the client stays on interfaces that are served,
// its login is seen, and its user takes a place when the backend believes it. Who breaks the rules hears a fault, where one can be
// said, and is cut. Never rejects.

import {
  Failure,
  toFailure,
  type Clock,
  type ConnectionLimits,
  type Ending,
  type HostedEnd,
  type Place,
  type Session,
  type Timer,
} from "@postern/contracts";
import { flushReads, readBy, Relay, type Connection, type Reader } from "@postern/core";
import { fault, PDU_TYPES, readBind } from "@postern/dcerpc";
import { clientKey } from "./arrays.ts";
import { Gate } from "./gate.ts";
import { servedBy, type Services } from "./interfaces.ts";
import { LoginWatch } from "./login-watch.ts";
import type { Rates } from "./rates.ts";
import { faultStatus } from "./refusals.ts";

export interface PassageHouse {
  readonly clock: Clock;
  readonly limits: Pick<ConnectionLimits, "user">;
  readonly rates: Rates;
  readonly services: Services;
  readonly defaultDomain: string | undefined;
}

/** A client that was refused may take so long to read why. */
const LINGER_MS = 2000;

export class Passage {
  readonly over: Promise<HostedEnd>;
  readonly #client: Connection;
  readonly #backend: Connection;
  readonly #session: Session;
  readonly #house: PassageHouse;
  readonly #watch: LoginWatch;
  readonly #up: Gate;
  readonly #down: Gate;
  readonly #relay: Relay;
  readonly #finish = Promise.withResolvers<HostedEnd>();
  #place: Place | undefined;
  #isOver = false;
  /** Why it is cut, and the call that the client waits for. */
  #refused: { readonly failure: Failure; readonly callId: number | undefined } | undefined;
  #linger: Timer | undefined;

  /** `bind`: what the client was bound with; the backend's answer has been written. */
  constructor(client: Connection, backend: Connection, bind: Buffer, session: Session, house: PassageHouse) {
    this.#client = client;
    this.#backend = backend;
    this.#session = session;
    this.#house = house;
    this.over = this.#finish.promise;
    this.#watch = new LoginWatch(bind, house.defaultDomain, {
      claimed: (user) => {
        session.identity = { user, proven: false };
        session.mechanism = "NTLM";
      },
      answered: (user, isProven) => void this.#count(isProven ? user : `${user} from ${clientKey(session)}`),
    });
    this.#up = new Gate(writer(backend), {
      wants: (type) => this.#wants(type),
      take: (pdu) => this.#take(pdu),
      broken: (failure, callId) => this.#refuse(failure, callId),
    });
    this.#down = new Gate(writer(client), {
      wants: (type, authLength) => this.#seeAnswer(type, authLength),
      take: () => {},
      broken: (failure) => this.#refuse(new Failure("backend-garbled", failure.message, { cause: failure }), undefined),
    });
    this.#relay = this.#join();
    if (this.#refused !== undefined) this.#cut();
  }

  get bytes(): number {
    return this.#relay.bytes;
  }

  get halfClosed(): boolean {
    return this.#relay.halfClosed;
  }

  get clientWaits(): boolean {
    return this.#relay.clientWaits;
  }

  interrupt(ending: Ending, words: string): void {
    this.#relay.interrupt(ending, words);
  }

  destroy(): void {
    this.#relay.destroy();
  }

  /** What both have sent already goes through the gates before the relay begins; from then on they stand before it. */
  #join(): Relay {
    const [client, backend] = [this.#client, this.#backend];
    const ahead = client.handOver(this.#up);
    const behind = backend.handOver(this.#down);
    if (behind.length > 0) this.#down.feed(behind, undefined, backend.socket);
    if (ahead.length > 0) this.#up.feed(ahead, undefined, client.socket);
    const relay = new Relay(client, backend, ({ ending, reason }) => this.#end(ending, reason));
    relay.bytesIn = ahead.length;
    relay.bytesOut = behind.length;
    this.#up.target = relay;
    this.#down.target = relay;
    readBy(client.socket, this.#up);
    readBy(backend.socket, this.#down);
    return relay;
  }

  /** What a client may send; the rare ones are looked at. */
  #wants(type: number): boolean {
    switch (type) {
      case PDU_TYPES.alterContext:
      case PDU_TYPES.auth3:
        return true;
      case PDU_TYPES.request:
      case PDU_TYPES.coCancel:
      case PDU_TYPES.orphaned:
        return false;
      default:
        throw new Failure("syntax", `RPC: a client that is bound sends a PDU of type ${type}`);
    }
  }

  #take(pdu: Buffer): void {
    if (pdu[2] === PDU_TYPES.alterContext) servedBy(readBind(pdu).contexts, this.#house.services);
    this.#watch.see(pdu);
  }

  #seeAnswer(type: number, authLength: number): boolean {
    this.#watch.answered(type, authLength);
    return false;
  }

  /**
   * The user's place and rate, when the backend has believed who it is: nobody takes them in another's name. Where that is not
   * sure, each address has places of its own for the name.
   */
  async #count(user: string): Promise<void> {
    try {
      await this.#house.rates.user(user);
      const place = await this.#house.limits.user(user);
      if (this.#isOver) place.release();
      else this.#place = place;
    } catch (error) {
      this.#refuse(toFailure(error), this.#relay.clientWaits ? this.#up.callId : undefined);
    }
  }

  #refuse(failure: Failure, callId: number | undefined): void {
    if (this.#refused !== undefined || this.#isOver) return;
    this.#refused = { failure, callId };
    this.#up.shut();
    // Until it runs, what was sent ahead is looked at: the constructor goes on.
    if (this.#up.target === this.#relay) this.#cut();
  }

  #cut(): void {
    flushReads(this.#backend.socket);
    const { failure, callId } = this.#refused ?? {};
    const isBetween = this.#down.isBetween;
    this.#down.shut();
    if (failure !== undefined && callId !== undefined && isBetween)
      this.#client.socket.write(fault(callId, 0, faultStatus(failure)));
    this.#linger = this.#house.clock.after(LINGER_MS, () => this.#relay.destroy());
    this.#backend.destroy();
  }

  /** The relay may say it for each of the two connections. */
  #end(ending: Ending, reason: string | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#linger?.cancel();
    this.#place?.release();
    this.#session.bytesIn += this.#relay.bytesIn;
    this.#session.bytesOut += this.#relay.bytesOut;
    const failure = this.#refused?.failure;
    this.#finish.resolve(failure === undefined ? { ending, reason } : { ending: "refused", reason: failure.message, failure });
  }
}

/** Writes to a connection whose relay does not run yet. */
const writer = (to: Connection): Reader => ({
  feed(chunk): boolean {
    to.write(chunk);
    return true;
  },
});
