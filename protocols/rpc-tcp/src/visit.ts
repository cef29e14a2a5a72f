// READ FIRST. One client's RPC connection, from its bind to its end:
//
//   read the bind -> the end-point mapper: answered here (epm/mapper.ts)
//                 -> an interface that is served: find its backend, bind there (meet.ts) -> relay (passage.ts)
//
// The interface of the first context decides, on every listener. Never rejects: a client that is not served is told in an answer to
// its bind, where one is owed.

import type { Socket } from "node:net";
import { Failure, toFailure, type HostedEnd, type Session } from "@postern/contracts";
import { CLIENT_ROLE, Connection, HostedClient } from "@postern/core";
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

export class Visit extends HostedClient {
  readonly #house: VisitHouse;
  /** What was read of the first PDU, while nobody has answered it. */
  #first: Buffer | undefined;

  constructor(socket: Socket, session: Session, house: VisitHouse) {
    super(new Connection(socket, CLIENT_ROLE, READ_LIMITS, { secure: false, upgrade: undefined }), session, house.clock);
    this.#house = house;
  }

  protected async serve(): Promise<HostedEnd> {
    const pdu = await this.#readFirst();
    const bind = readBind(pdu);
    await this.#house.rates.address(this.session.client.host);
    const [context] = bind.contexts;
    if (context !== undefined && isMapper(context.interface)) return this.#map(pdu);
    return this.#pass(await this.#meet(pdu, bind), pdu);
  }

  protected refusal(failure: Failure): Buffer | undefined {
    return firstRefusal(failure, this.#first);
  }

  async #readFirst(): Promise<Buffer> {
    const { clock, openTimeoutMs } = this.#house;
    this.session.stage = "converse";
    this.client.deadline(clock, openTimeoutMs, "idle", `No bind within ${openTimeoutMs} ms`);
    const pdu = await readPdu(this.client, (header) => (this.#first = header));
    this.client.deadline(clock, 0, "idle", "");
    this.#first = pdu;
    if (pdu[2] !== PDU_TYPES.bind) throw new Failure("syntax", `RPC: a client begins with a PDU of type ${pdu[2]}`);
    return pdu;
  }

  /** The end-point mapper, until the client leaves. */
  async #map(pdu: Buffer): Promise<HostedEnd> {
    const { clock, openTimeoutMs, services, toldPort } = this.#house;
    const { host, port } = this.session.local;
    this.session.stage = "serve";
    const directory: Directory = { services: services.all, host, portOf: (service) => toldPort(service, port) };
    const mapper = new Mapper(this.client, { clock, timeoutMs: openTimeoutMs, directory, port });
    mapper.bind(pdu);
    this.#first = undefined;
    try {
      return await mapper.serve();
    } catch (error) {
      const failure = toFailure(error);
      if (failure.kind !== "client-gone" || this.stopped !== undefined) throw error;
      this.client.close(clock);
      return { ending: "client-closed", reason: undefined };
    }
  }

  /** A backend that has answered the client's bind, with a yes or a no. */
  #meet(pdu: Buffer, bind: Bind): Promise<Met> {
    const [service] = servedBy(bind.contexts, this.#house.services);
    if (service === undefined) throw new Failure("syntax", "RPC: a bind without a context");
    const caller = {
      session: this.session,
      pdu,
      bind,
      service,
      mustBeThere: () => this.mustBeThere(),
      dialled: (backend: Connection) => void (this.backend = backend),
    };
    return meetBackend(caller, this.#house);
  }

  async #pass({ backend, leg, answer, group }: Met, bind: Buffer): Promise<HostedEnd> {
    const session = this.session;
    session.stage = "relay";
    session.bytesIn = bind.length;
    session.bytesOut = answer.length;
    this.client.write(answer);
    this.#first = undefined;
    const leave = group === 0 ? undefined : this.#house.groups.join(clientKey(session), group, leg.backend);
    const passage = new Passage(this.client, backend, bind, session, this.#house);
    this.joined = passage;
    const end = await passage.over;
    leave?.();
    return end;
  }
}
