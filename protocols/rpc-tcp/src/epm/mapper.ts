// The gateway's own end-point mapper on one connection (C706 section 12.6 and appendix O): binds, and questions in one fragment or
// many. Nobody logs in here. What it holds of a client is one question of a few kB and the list of its contexts; a client that
// asks and does not listen is not read. Failure: syntax, and what the connection reads with.

import { randomInt } from "node:crypto";
import { Failure, toFailure, type Clock } from "@postern/contracts";
import type { Connection } from "@postern/core";
import {
  bindAck,
  BodyReader,
  fault,
  FAULT_STATUS,
  HEADER_SIZE,
  headerOf,
  INTERFACES,
  NDR,
  PDU_FLAGS,
  PDU_TYPES,
  readBind,
  response,
  UUID_SIZE,
  type Bind,
  type BindContext,
  type BindResult,
  type PduHeader,
  type Syntax,
} from "@postern/dcerpc";
import { readPdu } from "../read-pdu.ts";
import { NOWHERE, UNKNOWN_INTERFACE } from "../refusals.ts";
import { answer, type Directory } from "./directory.ts";

export interface MapperParts {
  readonly clock: Clock;
  /** From one PDU to the next. */
  readonly timeoutMs: number;
  readonly directory: Directory;
  /** The port that the client came by. */
  readonly port: number;
}

/** What is sent and taken in one fragment; the least that everybody takes (C706 section 12.6.2). */
const FRAGMENT = 5840;
const LEAST_FRAGMENT = 1432;
/** A question has some 200 octets. */
const LONGEST_QUESTION = 8 * 1024;
const MOST_QUESTIONS = 1000;
const MOST_CONTEXTS = 256;

const ACCEPTED: BindResult = { result: 0, reason: 0, transfer: NDR };
const UNKNOWN_TRANSFER: BindResult = { result: 2, reason: 2, transfer: NOWHERE };

export const isMapper = ({ uuid, major }: Syntax): boolean => uuid === INTERFACES.epm.uuid && major === INTERFACES.epm.major;

/** A question whose last fragment has not come. */
interface Question {
  readonly callId: number;
  readonly contextId: number;
  readonly operation: number;
  stub: Buffer;
}

export class Mapper {
  readonly #client: Connection;
  readonly #parts: MapperParts;
  /** Those that were accepted. */
  readonly #contexts = new Set<number>();
  #fragment = FRAGMENT;
  #group = 0;
  #question: Question | undefined;

  constructor(client: Connection, parts: MapperParts) {
    this.#client = client;
    this.#parts = parts;
  }

  /** Answers the first bind. Failure: unknown-mechanism, for a client that wants to log in. */
  bind(pdu: Buffer): void {
    const { callId, authLength } = headerOf(pdu);
    if (authLength > 0) throw new Failure("unknown-mechanism", "RPC: a login at the end-point mapper");
    const bind = readBind(pdu);
    this.#group = bind.group === 0 ? randomInt(1, 2 ** 32) : bind.group;
    this.#fragment = Math.max(LEAST_FRAGMENT, Math.min(FRAGMENT, bind.maxReceive));
    this.#acknowledge(callId, bind, "bind");
  }

  /** Answers what is asked, until the client leaves, which is a Failure client-gone. */
  async serve(): Promise<never> {
    const { clock, timeoutMs } = this.#parts;
    for (let questions = 0; questions < MOST_QUESTIONS; questions += 1) {
      this.#client.deadline(clock, timeoutMs, "idle", `No question to the end-point mapper within ${timeoutMs} ms`);
      this.#take(await readPdu(this.#client));
    }
    throw new Failure("syntax", `RPC: more than ${MOST_QUESTIONS} questions to the end-point mapper`);
  }

  #take(pdu: Buffer): void {
    const header = headerOf(pdu);
    const type: number = header.type;
    switch (type) {
      case PDU_TYPES.request:
        return this.#request(header, pdu);
      case PDU_TYPES.alterContext:
        return this.#acknowledge(header.callId, readBind(pdu), "alterContext");
      case PDU_TYPES.coCancel:
      case PDU_TYPES.orphaned:
        this.#question = undefined;
        return;
      default:
        this.#client.write(fault(header.callId, 0, FAULT_STATUS.protocolError));
        throw new Failure("syntax", `RPC: a PDU of type ${type} to the end-point mapper`);
    }
  }

  #acknowledge(callId: number, { maxTransmit, contexts }: Bind, answers: "bind" | "alterContext"): void {
    const results = contexts.map((context) => this.#accept(context));
    if (this.#contexts.size > MOST_CONTEXTS) throw new Failure("syntax", `RPC: more than ${MOST_CONTEXTS} contexts`);
    const maxReceive = Math.max(LEAST_FRAGMENT, Math.min(FRAGMENT, maxTransmit));
    const address = answers === "bind" ? String(this.#parts.port) : "";
    this.#client.write(
      bindAck(callId, { maxTransmit: this.#fragment, maxReceive, group: this.#group, address, results }, answers),
    );
  }

  #accept({ id, interface: named, transfers }: BindContext): BindResult {
    if (!isMapper(named)) return UNKNOWN_INTERFACE;
    if (!transfers.some(({ uuid, major }) => uuid === NDR.uuid && major === NDR.major)) return UNKNOWN_TRANSFER;
    this.#contexts.add(id);
    return ACCEPTED;
  }

  #request(header: PduHeader, pdu: Buffer): void {
    const question = this.#gather(header, pdu);
    if (question === undefined) return;
    this.#question = undefined;
    this.#client.write(this.#answer(question));
  }

  /** undefined: its last fragment has not come, or it was refused. */
  #gather({ callId, flags, authLength }: PduHeader, pdu: Buffer): Question | undefined {
    const reader = new BodyReader(pdu, HEADER_SIZE);
    reader.u32();
    const [contextId, operation] = [reader.u16(), reader.u16()];
    if (authLength > 0) return this.#refuse(callId, contextId, FAULT_STATUS.accessDenied);
    if ((flags & PDU_FLAGS.object) !== 0) reader.octets(UUID_SIZE);
    const isFirst = (flags & PDU_FLAGS.first) !== 0;
    if (isFirst === (this.#question !== undefined) || (!isFirst && this.#question?.callId !== callId))
      throw this.#broken(callId, contextId, "fragments that do not follow each other");
    const piece = reader.octets(reader.left);
    this.#question ??= { callId, contextId, operation, stub: Buffer.alloc(0) };
    if (this.#question.stub.length + piece.length > LONGEST_QUESTION) throw this.#broken(callId, contextId, "a long question");
    this.#question.stub = Buffer.concat([this.#question.stub, piece]);
    return (flags & PDU_FLAGS.last) === 0 ? undefined : this.#question;
  }

  #answer({ callId, contextId, operation, stub }: Question): Buffer {
    if (!this.#contexts.has(contextId)) return fault(callId, contextId, FAULT_STATUS.unknownInterface);
    try {
      const answered = answer(operation, stub, this.#parts.directory);
      if (answered === undefined) return fault(callId, contextId, FAULT_STATUS.unknownOperation);
      return response(callId, contextId, answered, this.#fragment);
    } catch (error) {
      if (toFailure(error).kind !== "syntax") throw error;
      return fault(callId, contextId, FAULT_STATUS.badStubData);
    }
  }

  #refuse(callId: number, contextId: number, status: number): undefined {
    this.#client.write(fault(callId, contextId, status));
  }

  #broken(callId: number, contextId: number, what: string): Failure {
    this.#refuse(callId, contextId, FAULT_STATUS.protocolError);
    return new Failure("syntax", `RPC: ${what} to the end-point mapper`);
  }
}
