// READ FIRST. One client's RPC connection, from its bind to its end:
//
//   read the bind -> the end-point mapper: answered here (epm/mapper.ts)
//                 -> an interface that is served: find its backend, bind there (meet.ts) -> relay (passage.ts)
//
// The interface of the first context decides, on every listener. Never rejects: a client that is not served is told in an answer to
// its bind, where one is owed.

import type { Socket } from "node:net";
import { Failure, toFailure, type Ending, type Hosted, type HostedEnd, type Session } from "@postern/contracts";
import { CLIENT_ROLE, Connection } from "@postern/core";
import { PDU_TYPES, readBind, type Bind } from "@postern/dcerpc";
import { clientKey } from "./arrays.ts";
import type { Directory } from "./epm/directory.ts";
import { isMapper, Mapper } from "./epm/mapper.ts";
import { servedBy, type Service } from "./interfaces.ts";
import { meetBackend, type MeetHouse, type Met } from "./meet.ts";
import { Passage, type PassageHouse } from "./passage.ts";
import { READ_LIMITS, readPdu } from "./read-pdu.ts";
import { firstRefusal } from "./refusals.ts";

export interface VisitHouse extends MeetHouse, PassageHouse {
  readonly openTimeoutMs: number;
  /** Where clients are told to go for an interface; `local`: the port that this one came by. */
  readonly toldPort: (service: Service, local: number) => number;
}

export class Visit implements Hosted {
  readonly over: Promise<HostedEnd>;
  readonly #session: Session;
  readonly #house: VisitHouse;
  readonly #client: Connection;
  #backend: Connection | undefined;
  #passage: Passage | undefined;
  /** What was read of the first PDU, while nobody has answered it. */
  #first: Buffer | undefined;
  /** It is ended from outside, before the relay runs. */
  #stopped: Failure | undefined;

  constructor(socket: Socket, session: Session, house: VisitHouse) {
    this.#session = session;
    this.#house = house;
    this.#client = new Connection(socket, CLIENT_ROLE, READ_LIMITS, { secure: false, upgrade: undefined });
    this.over = this.#run();
  }

  get owes(): boolean {
    return this.#passage?.clientWaits ?? false;
  }

  get bytes(): number | undefined {
    return this.#passage?.bytes;
  }

  get halfClosed(): boolean {
    return this.#passage?.halfClosed ?? false;
  }

  end(ending: Ending, failure: Failure | undefined): void {
    if (this.#passage !== undefined) return this.#passage.end(ending);
    this.#stop(failure ?? new Failure("shutting-down", "Ended from outside"));
  }

  cut(): void {
    this.#stop(new Failure("client-gone", "Cut"));
    this.#passage?.destroy();
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
      const pdu = await this.#readFirst();
      const bind = readBind(pdu);
      await this.#house.rates.address(this.#session.client.host);
      const [context] = bind.contexts;
      if (context !== undefined && isMapper(context.interface)) return await this.#map(pdu);
      return await this.#pass(await this.#meet(pdu, bind), pdu);
    } catch (error) {
      const failure = this.#stopped ?? toFailure(error);
      this.#backend?.destroy();
      await this.#refuse(failure);
      return { ending: "refused", reason: failure.message, failure };
    }
  }

  async #readFirst(): Promise<Buffer> {
    const { clock, openTimeoutMs } = this.#house;
    this.#session.stage = "converse";
    this.#client.deadline(clock, openTimeoutMs, "idle", `No bind within ${openTimeoutMs} ms`);
    const pdu = await readPdu(this.#client, (header) => (this.#first = header));
    this.#client.deadline(clock, 0, "idle", "");
    this.#first = pdu;
    if (pdu[2] !== PDU_TYPES.bind) throw new Failure("syntax", `RPC: a client begins with a PDU of type ${pdu[2]}`);
    return pdu;
  }

  /** The end-point mapper, until the client leaves. */
  async #map(pdu: Buffer): Promise<HostedEnd> {
    const { clock, openTimeoutMs, services, toldPort } = this.#house;
    const { host, port } = this.#session.local;
    this.#session.stage = "serve";
    const directory: Directory = { services: services.all, host, portOf: (service) => toldPort(service, port) };
    const mapper = new Mapper(this.#client, { clock, timeoutMs: openTimeoutMs, directory, port });
    mapper.bind(pdu);
    this.#first = undefined;
    try {
      return await mapper.serve();
    } catch (error) {
      const failure = toFailure(error);
      if (failure.kind !== "client-gone" || this.#stopped !== undefined) throw error;
      this.#client.close(clock);
      return { ending: "client-closed", reason: undefined };
    }
  }

  /** A backend that has answered the client's bind, with a yes or a no. */
  #meet(pdu: Buffer, bind: Bind): Promise<Met> {
    const [service] = servedBy(bind.contexts, this.#house.services);
    if (service === undefined) throw new Failure("syntax", "RPC: a bind without a context");
    const caller = {
      session: this.#session,
      pdu,
      bind,
      service,
      mustBeThere: () => this.#mustBeThere(),
      dialled: (backend: Connection) => void (this.#backend = backend),
    };
    return meetBackend(caller, this.#house);
  }

  async #pass({ backend, leg, answer, group }: Met, bind: Buffer): Promise<HostedEnd> {
    const session = this.#session;
    session.stage = "relay";
    session.bytesIn = bind.length;
    session.bytesOut = answer.length;
    this.#client.write(answer);
    this.#first = undefined;
    const leave = group === 0 ? undefined : this.#house.groups.join(clientKey(session), group, leg.backend);
    this.#passage = new Passage(this.#client, backend, bind, session, this.#house);
    const end = await this.#passage.over;
    leave?.();
    return end;
  }

  /** No backend is tried for a client that has left. */
  #mustBeThere(): void {
    if (this.#stopped !== undefined) throw this.#stopped;
    if (this.#client.socket.destroyed) throw new Failure("client-gone", "The client left before a backend answered");
  }

  /** Resolves when the client has had time to read it. */
  async #refuse(failure: Failure): Promise<void> {
    const { socket } = this.#client;
    const answer = firstRefusal(failure, this.#first);
    if (answer !== undefined) this.#client.write(answer);
    const closed = new Promise<void>((resolve) => {
      if (socket.closed) resolve();
      else socket.once("close", () => resolve());
    });
    this.#client.close(this.#house.clock);
    await closed;
  }
}
