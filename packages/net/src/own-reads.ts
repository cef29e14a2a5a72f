// Reads of a relayed socket into buffers of ours. While a session is idle it has no buffer at all: what little comes is
// copied out of one that the whole process shares. While bulk data flows, large buffers go round between the sessions, so
// that nothing is allocated per read and little is left to the garbage collector.
//
// Node has this as `onread` of net.connect, but not for accepted or TLS-wrapped sockets, although the same code serves
// them all. So it is switched on here after the fact, by the three properties that `onread` sets (docs/decisions.md). They
// are looked for once, at start; where a Node has them no more, `isAvailable` is false and data events serve instead.

import { Socket } from "node:net";

/** Who reads: gets each chunk, and `lent` to give back when the chunk is done with. False stops reading until resume(). */
export type OwnReader = (chunk: Buffer, lent: Lending | undefined) => boolean;

export interface Lending {
  readonly buffer: Buffer;
  readonly spare: Buffer[];
}

interface Handle {
  useUserBuffer(buffer: Buffer): void;
}

interface Internals {
  readonly buffer: symbol;
  readonly callback: symbol;
  readonly generator: symbol;
}

type Opened = Socket & { [key: symbol]: unknown; readonly _handle?: Handle | null };

const internals = findInternals();

/** Can sockets be made to read into our buffers? */
export const isAvailable = internals !== undefined;

function findInternals(): Internals | undefined {
  const probe = new Socket();
  const symbols = Object.getOwnPropertySymbols(probe);
  probe.destroy();
  const named = (name: string): symbol | undefined => symbols.find(({ description }) => description === name);
  const [buffer, callback, generator] = [named("kBuffer"), named("kBufferCb"), named("kBufferGen")];
  return buffer === undefined || callback === undefined || generator === undefined ? undefined : { buffer, callback, generator };
}

/** A read in TLS is one record at most. */
const SIZES = { tls: 16 * 1024, plain: 128 * 1024 } as const;
/** Large buffers kept for reuse, per process and size. */
const MAX_SPARE_BYTES = 8 * 1024 * 1024;
/** What is less than this is copied out of the shared buffer; more means that bulk data flows. */
const FEW = 4096;

/** Read into by every idle socket of the process: what is read is copied before the next read can happen. */
const SHARED = Buffer.allocUnsafeSlow(16 * 1024);
const spares = { tls: [] as Buffer[], plain: [] as Buffer[] };

/** Gives a large buffer back, when whoever got it is done with it. */
export function giveBack({ buffer, spare }: Lending): void {
  if ((spare.length + 1) * buffer.length <= MAX_SPARE_BYTES) spare.push(buffer);
}

/**
 * From now on `socket` gives what it reads to `reader`, and emits no data events. Only where isAvailable, and while the
 * socket is paused with nothing unread.
 */
export function readIntoOwn(socket: Socket, kind: keyof typeof SIZES, reader: OwnReader): void {
  const opened = socket as Opened;
  // A socket that was cut has no handle, and nothing to read.
  if (internals === undefined || !opened._handle) return;
  const spare = spares[kind];
  let buffer: Buffer = SHARED;
  let lent = false;
  let isBulk = false;
  opened[internals.buffer] = buffer;
  opened[internals.callback] = (count: number): boolean => {
    if (buffer === SHARED) {
      isBulk = count > FEW;
      return reader(Buffer.from(buffer.subarray(0, count)), undefined);
    }
    isBulk = count > FEW;
    lent = true;
    return reader(buffer.subarray(0, count), { buffer, spare });
  };
  // Node asks for the buffer of the next read after each one.
  opened[internals.generator] = (): Buffer => {
    if (!isBulk) buffer = SHARED;
    else if (lent || buffer === SHARED) buffer = spare.pop() ?? Buffer.allocUnsafeSlow(SIZES[kind]);
    lent = false;
    return buffer;
  };
  opened._handle.useUserBuffer(buffer);
}

/** What a paused socket holds already. */
export function buffered(socket: Socket): Buffer[] {
  const chunk: unknown = socket.readableLength > 0 ? socket.read() : null;
  return chunk === null ? [] : [chunk as Buffer];
}
