// Asks a backend's end-point mapper for the port of an interface (C706 appendix O, ept_map), over a connection of its own. Of the
// answer only the port is taken: nobody is sent to another host. Failure: those of a dial, backend-silent, backend-garbled,
// backend-unreachable where the backend does not have the interface.

import { addressText, Failure, legText, toFailure, type Clock, type Leg } from "@postern/contracts";
import { dial, type Connection } from "@postern/core";
import {
  BodyReader,
  HEADER_SIZE,
  headerOf,
  INTERFACES,
  NDR,
  newPdu,
  PDU_FLAGS,
  PDU_TYPES,
  readBindAck,
  uuidBytes,
  type PduType,
  type Syntax,
} from "@postern/dcerpc";
import { READ_LIMITS, readPdu } from "../read-pdu.ts";
import { NO_HANDLE } from "./answers.ts";
import { HANDLE_SIZE, OPERATIONS, towerOctets } from "./requests.ts";
import { Stub } from "./stub.ts";
import { readTower, tcpTower } from "./tower.ts";

const FRAGMENT = 5840;
const BODY_HEAD = 8;
const WHOLE = PDU_FLAGS.first | PDU_FLAGS.last;

export async function askPort(leg: Leg, named: Syntax, clock: Clock): Promise<number> {
  const backend = await dial(leg, { clock, limits: READ_LIMITS, client: undefined, isSilent: true });
  try {
    const late = `${legText(leg)}: its end-point mapper does not answer within ${leg.replyTimeoutMs} ms`;
    backend.deadline(clock, leg.replyTimeoutMs, "backend-silent", late);
    backend.write(mapperBind());
    const [bound] = readBindAck(await answerOf(backend, PDU_TYPES.bindAck)).results;
    if (bound?.result !== 0) throw new Failure("backend-garbled", "it does not speak as an end-point mapper");
    backend.write(mapRequest(named));
    const port = portIn(await answerOf(backend, PDU_TYPES.response), named);
    if (port !== undefined) return port;
    throw new Failure("backend-unreachable", `${legText(leg)}: its end-point mapper knows no port of ${named.uuid}`);
  } catch (error) {
    throw asBackends(error, leg);
  } finally {
    backend.destroy();
  }
}

/** What cannot be read came from the backend. */
export function asBackends(error: unknown, leg: Leg): Failure {
  const failure = toFailure(error);
  if (failure.kind !== "syntax") return failure;
  return new Failure("backend-garbled", `${legText(leg)}: ${failure.message}`, { cause: error });
}

async function answerOf(backend: Connection, type: PduType): Promise<Buffer> {
  const pdu = await readPdu(backend);
  const header = headerOf(pdu);
  if (header.type !== type || (header.flags & WHOLE) !== WHOLE || header.authLength > 0)
    throw new Failure(
      "backend-garbled",
      `The end-point mapper at ${addressText(addressOf(backend))} answers with type ${header.type}`,
    );
  return pdu;
}

const addressOf = ({ socket }: Connection) => ({ host: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 });

function mapperBind(): Buffer {
  const body = new Stub()
    .octets(u16s(FRAGMENT, FRAGMENT))
    .u32(0, 1)
    // Context 0, with one transfer syntax.
    .octets(u16s(0, 1))
    .octets(syntaxOctets(INTERFACES.epm))
    .octets(syntaxOctets(NDR)).bytes;
  return withBody(PDU_TYPES.bind, 1, body);
}

function mapRequest(named: Syntax): Buffer {
  const tower = tcpTower(named, 0, "0.0.0.0");
  const stub = new Stub()
    // No object; a tower; the beginning; one answer is enough.
    .u32(0, 1, tower.length, tower.length)
    .octets(tower)
    .align()
    .octets(NO_HANDLE)
    .u32(1).bytes;
  const head = new Stub().u32(stub.length).octets(u16s(0, OPERATIONS.map)).bytes;
  return withBody(PDU_TYPES.request, 2, Buffer.concat([head, stub]));
}

function withBody(type: PduType, callId: number, body: Buffer): Buffer {
  const pdu = newPdu(type, callId, body.length);
  body.copy(pdu, HEADER_SIZE);
  return pdu;
}

const syntaxOctets = ({ uuid, major, minor }: Syntax): Buffer => Buffer.concat([uuidBytes(uuid), u16s(major, minor)]);

function u16s(...values: readonly number[]): Buffer {
  const octets = Buffer.alloc(2 * values.length);
  values.forEach((value, index) => octets.writeUInt16LE(value, 2 * index));
  return octets;
}

/** undefined: the backend does not have this interface by TCP. */
function portIn(pdu: Buffer, named: Syntax): number | undefined {
  const reader = new BodyReader(pdu.subarray(HEADER_SIZE + BODY_HEAD));
  reader.octets(HANDLE_SIZE);
  const count = reader.u32();
  reader.octets(8);
  if (reader.u32() === 0 || count === 0 || reader.u32() === 0) return undefined;
  const tower = readTower(towerOctets(reader));
  return tower?.interface.uuid === named.uuid && tower.port !== 0 ? tower.port : undefined;
}
