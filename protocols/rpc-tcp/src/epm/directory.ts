// What the gateway's end-point mapper knows, and how it answers: the interfaces that are served, at its own port, and nothing else.
// It keeps nothing between two questions: where a look-up goes on stands in the client's handle. Failure: syntax, for a stub that
// cannot be read.

import { NDR, type Syntax } from "@postern/dcerpc";
import type { Service } from "../interfaces.ts";
import { freeHandleAnswer, lookupAnswer, mapAnswer, NO_HANDLE } from "./answers.ts";
import {
  HANDLE_SIZE,
  INQUIRY,
  OPERATIONS,
  readFreeHandle,
  readLookup,
  readMap,
  VERSIONS,
  type Handle,
  type LookupRequest,
  type MapRequest,
} from "./requests.ts";
import { tcpTower } from "./tower.ts";

/** Where one client is told to go. */
export interface Directory {
  readonly services: readonly Service[];
  readonly host: string;
  readonly portOf: (service: Service) => number;
}

/** The stub of the answer; undefined: no such operation here. */
export function answer(operation: number, stub: Buffer, directory: Directory): Buffer | undefined {
  switch (operation) {
    case OPERATIONS.map:
      return map(readMap(stub), directory);
    case OPERATIONS.lookup:
      return lookup(readLookup(stub), directory);
    case OPERATIONS.freeHandle:
      readFreeHandle(stub);
      return freeHandleAnswer();
    default:
      return undefined;
  }
}

function map({ tower, max }: MapRequest, directory: Directory): Buffer {
  const found = directory.services.filter(
    ({ syntax }) =>
      tower?.port !== undefined && isSame(tower.transfer, NDR) && fits(syntax, tower.interface, VERSIONS.compatible),
  );
  const towers = found.map((service) => towerOf(service, directory));
  return mapAnswer(towers.slice(0, max), max);
}

/** So many entries in one answer: some 5 kB. */
const MOST_ENTRIES = 32;

function lookup({ inquiry, interface: named, versions, handle, max }: LookupRequest, directory: Directory): Buffer {
  const isByInterface = inquiry === INQUIRY.byInterface || inquiry === INQUIRY.byBoth;
  const all = directory.services.filter(({ syntax }) => !isByInterface || (named !== undefined && fits(syntax, named, versions)));
  const from = placeOf(handle);
  const services = all.slice(from, from + Math.min(max, MOST_ENTRIES));
  const entries = services.map((service) => ({ annotation: service.name, tower: towerOf(service, directory) }));
  // A page that has room left is the last. Behind one that is full some clients ask on in any case, and would begin anew without a
  // handle: they hear that there are no more.
  const next = from + entries.length;
  const isLast = next >= all.length && entries.length < max;
  return lookupAnswer(entries, isLast ? NO_HANDLE : handleAt(next), max);
}

const towerOf = (service: Service, { host, portOf }: Directory): Buffer => tcpTower(service.syntax, portOf(service), host);

const isSame = (one: Syntax, other: Syntax): boolean => one.uuid === other.uuid && one.major === other.major;

/** Is `ours` one of those that are asked for? */
function fits(ours: Syntax, asked: Syntax, versions: number): boolean {
  if (ours.uuid !== asked.uuid) return false;
  switch (versions) {
    case VERSIONS.all:
      return true;
    case VERSIONS.compatible:
      return ours.major === asked.major && ours.minor >= asked.minor;
    case VERSIONS.exact:
      return ours.major === asked.major && ours.minor === asked.minor;
    case VERSIONS.majorOnly:
      return ours.major === asked.major;
    case VERSIONS.upTo:
      return ours.major < asked.major || (ours.major === asked.major && ours.minor <= asked.minor);
    default:
      return false;
  }
}

/** The place in the list stands behind the handle's attributes; a handle that somebody made up only chooses another place. */
const PLACE_AT = 4;

function placeOf(handle: Handle): number {
  return handle.readUInt32LE(PLACE_AT);
}

function handleAt(place: number): Handle {
  const handle = Buffer.alloc(HANDLE_SIZE);
  handle.writeUInt32LE(place, PLACE_AT);
  return handle;
}
