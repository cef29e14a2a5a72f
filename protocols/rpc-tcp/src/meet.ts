// Finds the backend of a client that binds to an interface, and binds there with the client's own octets. Until a backend has
// answered the next candidate can take its place: a bind does nothing. Failure: route-refused, no-candidate, that of the last
// candidate, and what the client's leaving is.

import { Failure, legText, type Clock, type Health, type Leg, type Logger, type Session } from "@postern/contracts";
import { dial, firstThere, type Connection } from "@postern/core";
import { PDU_TYPES, readBindAck, type Bind } from "@postern/dcerpc";
import { clientKey, type FindLegs } from "./arrays.ts";
import type { BackendPorts } from "./backend-ports.ts";
import { asBackends } from "./epm/ask.ts";
import type { Groups } from "./groups.ts";
import type { Service } from "./interfaces.ts";
import { READ_LIMITS, readPdu } from "./read-pdu.ts";

export interface MeetHouse {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly health: Health;
  readonly findLegs: FindLegs;
  readonly backendPorts: BackendPorts;
  readonly groups: Groups;
}

/** A client that waits. */
export interface Caller {
  readonly session: Session;
  /** Its first PDU, and what it says. */
  readonly pdu: Buffer;
  readonly bind: Bind;
  readonly service: Service;
  /** Failure: it waits no more. */
  mustBeThere(): void;
  /** A connection to a backend was made for it. */
  dialled(backend: Connection): void;
}

export interface Met {
  readonly backend: Connection;
  readonly leg: Leg;
  /** The backend's answer to the bind: yes or no. */
  readonly answer: Buffer;
  /** The association group that the backend put the client into; 0: none. */
  readonly group: number;
}

const ANSWERS: ReadonlySet<number | undefined> = new Set([PDU_TYPES.bindAck, PDU_TYPES.bindNak, PDU_TYPES.fault]);

export async function meetBackend(caller: Caller, house: MeetHouse): Promise<Met> {
  const { session } = caller;
  session.stage = "route";
  const legs = house.findLegs(session);
  if (legs === undefined) throw new Failure("route-refused", `No array serves the clients of ${session.local.host}`);
  const ordered = await groupFirst(legs, caller, house.groups);
  session.stage = "dial";
  const provoked = new Set<Leg>();
  const health = withoutBlame(provoked, house.health);
  return firstThere(ordered, (leg) => attempt(leg, caller, house, provoked), { ...house, health, session });
}

/** What a client may have brought about is no evidence, or anybody could take backends down for all. */
const withoutBlame = (provoked: ReadonlySet<Leg>, health: Health): Health => ({
  ...health,
  failed: (leg, reason, client) => void (provoked.has(leg) || health.failed(leg, reason, client)),
});

/** A group that exists stays where it is. */
async function groupFirst(legs: readonly Leg[], { session, bind }: Caller, groups: Groups): Promise<readonly Leg[]> {
  const [first] = legs;
  if (first === undefined || bind.group === 0) return legs;
  const home = await groups.backendOf(clientKey(session), bind.group, first.backend);
  const isHome = ({ backend }: Leg): boolean => backend === home;
  return [...legs.filter(isHome), ...legs.filter((leg) => !isHome(leg))];
}

/** `provoked`: here is noted a backend that did not like the client's octets. One that is silent may well be ill. */
async function attempt(leg: Leg, caller: Caller, { clock, backendPorts }: MeetHouse, provoked: Set<Leg>): Promise<Met> {
  const { session, service } = caller;
  caller.mustBeThere();
  session.backend = leg.backend;
  const target = { ...leg, port: await backendPorts.of(leg, service) };
  session.backendAddress = { host: target.host, port: target.port };
  const client = { source: session.client, destination: session.local, tls: undefined };
  let backend: Connection | undefined;
  try {
    backend = await dial(target, { clock, limits: READ_LIMITS, client, isSilent: true });
    return await bindAt(backend, target, caller, clock);
  } catch (error) {
    backend?.destroy();
    const failure = asBackends(error, target);
    // Who listens there may be another service by now.
    if (failure.row.blame === "backend") backendPorts.forget(leg, service);
    if (backend !== undefined && failure.kind !== "backend-silent") provoked.add(leg);
    throw failure;
  }
}

async function bindAt(backend: Connection, leg: Leg, caller: Caller, clock: Clock): Promise<Met> {
  caller.dialled(backend);
  caller.mustBeThere();
  const late = `${legText(leg)}: no answer to the bind within ${leg.replyTimeoutMs} ms`;
  backend.deadline(clock, leg.replyTimeoutMs, "backend-silent", late);
  backend.write(caller.pdu);
  const answer = await readPdu(backend);
  if (!ANSWERS.has(answer[2])) throw new Failure("backend-garbled", `${legText(leg)}: a bind is answered by type ${answer[2]}`);
  backend.deadline(clock, 0, "backend-silent", "");
  return { backend, leg, answer, group: answer[2] === PDU_TYPES.bindAck ? readBindAck(answer).group : 0 };
}
