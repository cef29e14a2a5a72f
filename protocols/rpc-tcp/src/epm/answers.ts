// What an end-point mapper answers (C706 appendix O), as the NDR of a response's stub. Bounded: a tower for a question, or as many
// entries as a few kB hold. Never throws.

import { HANDLE_SIZE, type Handle } from "./requests.ts";
import { Stub } from "./stub.ts";

export const STATUS = {
  done: 0,
  /** ept_s_not_registered: there is none, or there are no more. */
  notRegistered: 0x16c9a0d6,
} as const;

export const NO_HANDLE: Handle = Buffer.alloc(HANDLE_SIZE);

/** Any number but 0 is a pointer to something. */
const REFERENT = 3;

/** `max`: how many towers the client has room for. */
export function mapAnswer(towers: readonly Buffer[], max: number): Buffer {
  const stub = new Stub().octets(NO_HANDLE).u32(towers.length, max, 0, towers.length);
  towers.forEach((_, index) => stub.u32(REFERENT + index));
  for (const tower of towers) writeTower(stub, tower);
  return stub.u32(towers.length > 0 ? STATUS.done : STATUS.notRegistered).bytes;
}

export interface Entry {
  /** Printable ASCII, less than 64 characters. */
  readonly annotation: string;
  readonly tower: Buffer;
}

/** `handle`: where the look-up goes on. */
export function lookupAnswer(entries: readonly Entry[], handle: Handle, max: number): Buffer {
  const stub = new Stub().octets(handle).u32(entries.length, max, 0, entries.length);
  entries.forEach(({ annotation }, index) => {
    // No object; then the pointer to the tower, and the text as an array that varies.
    stub.u32(0, 0, 0, 0, REFERENT + index, 0, annotation.length + 1).octets(Buffer.from(`${annotation}\0`, "latin1"));
  });
  for (const { tower } of entries) writeTower(stub, tower);
  return stub.u32(entries.length > 0 ? STATUS.done : STATUS.notRegistered).bytes;
}

export function freeHandleAnswer(): Buffer {
  return new Stub().octets(NO_HANDLE).u32(STATUS.done).bytes;
}

function writeTower(stub: Stub, tower: Buffer): void {
  stub.u32(tower.length, tower.length).octets(tower);
}
