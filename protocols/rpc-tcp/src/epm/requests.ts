// What clients ask an end-point mapper (C706 appendix O), read off the NDR of a request's stub. Failure: syntax.

import { BodyReader, UUID_SIZE, type Syntax } from "@postern/dcerpc";
import { Failure } from "@postern/contracts";
import { LONGEST_TOWER, readTower, type Tower } from "./tower.ts";

export const OPERATIONS = { lookup: 2, map: 3, freeHandle: 4 } as const;

/** Where a look-up goes on; 20 octets, all zero at its beginning. */
export type Handle = Buffer;
export const HANDLE_SIZE = 20;

export interface MapRequest {
  /** undefined: none, or one that names no RPC interface. */
  readonly tower: Tower | undefined;
  readonly max: number;
}

export interface LookupRequest {
  readonly inquiry: number;
  /** undefined: not asked for by an interface. */
  readonly interface: Syntax | undefined;
  readonly versions: number;
  readonly handle: Handle;
  readonly max: number;
}

/** How a look-up chooses. */
export const INQUIRY = { all: 0, byInterface: 1, byObject: 2, byBoth: 3 } as const;

/** How it compares versions. */
export const VERSIONS = { all: 1, compatible: 2, exact: 3, majorOnly: 4, upTo: 5 } as const;

export function readMap(stub: Buffer): MapRequest {
  const reader = new BodyReader(stub);
  optional(reader, () => reader.octets(UUID_SIZE));
  const octets = optional(reader, () => towerOctets(reader));
  reader.align(4);
  reader.octets(HANDLE_SIZE);
  return { tower: octets && readTower(octets), max: reader.u32() };
}

export function readLookup(stub: Buffer): LookupRequest {
  const reader = new BodyReader(stub);
  const inquiry = reader.u32();
  optional(reader, () => reader.octets(UUID_SIZE));
  const named = optional(reader, () => reader.syntax());
  return { inquiry, interface: named, versions: reader.u32(), handle: reader.octets(HANDLE_SIZE), max: reader.u32() };
}

export function readFreeHandle(stub: Buffer): Handle {
  return new BodyReader(stub).octets(HANDLE_SIZE);
}

/** What a pointer points to; nothing where it is null. */
function optional<T>(reader: BodyReader, read: () => T): T | undefined {
  return reader.u32() === 0 ? undefined : read();
}

/** A twr_t: how much room it has, how long it is, and its octets. */
export function towerOctets(reader: BodyReader): Buffer {
  const room = reader.u32();
  const length = reader.u32();
  if (length > room || length > LONGEST_TOWER) throw new Failure("syntax", `RPC: a tower of ${length} octets in ${room}`);
  return reader.octets(length);
}
