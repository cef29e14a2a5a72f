// Reads of a relayed socket into buffers of ours. While a session is idle it has no buffer at all: what little comes is
// copied out of one that the whole process shares. While bulk data flows, large buffers go round between the sessions, so
// that nothing is allocated per read and little is left to the garbage collector.
//
// Node has this as `onread` of net.connect, but not for accepted or TLS-wrapped sockets, although the same code serves
// them all. So it is switched on here after the fact, by the three properties that `onread` sets (docs/decisions.md). They
// are looked for once, at start; where a Node has them no more, `isAvailable` is false and data events serve instead.

import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { giveBack, type Lending } from "./lending.ts";

/** Who reads a socket. */
export interface Reader {
  /** Gets each chunk, and `lent` to give back when the chunk is done with. False stops reading until resume(). */
  feed(chunk: Buffer, lent: Lending | undefined, socket: Socket): boolean;
}

interface Handle {
  useUserBuffer(buffer: Buffer): void;
}

interface Internals {
  readonly buffer: symbol;
  readonly callback: symbol;
  readonly generator: symbol;
}

const READS = Symbol("reads");
const READER = Symbol("reader");

type Opened = Socket & { [key: symbol]: unknown; [READS]?: Reads; [READER]?: Reader; readonly _handle?: Handle | null };

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

/** A read in TLS is one record at most (RFC 8446 section 5.1). */
const RECORD = 16 * 1024;
/** Of TLS, as many whole records as Node decrypts in one go are handed on in one piece. window: of what may wait for a peer's window. */
const SIZES = { tls: 4 * RECORD, plain: 256 * 1024, window: 64 * 1024 } as const;
/** What is less than this is copied out of the shared buffer; more means that bulk data flows. */
const FEW = 4096;
/** Between bulk data so many small reads may come; with more of them in a row it is over. */
const MAX_SMALL = 3;
/** Who reads nothing for so long has no large buffer any more. */
const QUIET_MS = 1000;

/** Read into by every idle socket of the process: what is read is copied before the next read can happen. */
const SHARED = Buffer.allocUnsafeSlow(RECORD);
const spares = { tls: [] as Lending[], plain: [] as Lending[], window: [] as Lending[] };

function borrow(kind: keyof typeof SIZES): Lending {
  const spare = spares[kind];
  const lent = spare.pop() ?? { buffer: Buffer.allocUnsafeSlow(SIZES[kind]), spare, users: 0 };
  lent.users = 1;
  return lent;
}

/** From now on `socket` is read by `reader`, whichever way the bytes come. */
export function setReader(socket: Duplex, reader: Reader): void {
  (socket as Opened)[READER] = reader;
}

/**
 * From now on `reader` gets all that comes from `stream`: at once what waits in it, the rest when it is resumed. A reader before
 * it gets nothing more. A stream that is no socket (one of many on a connection) has data events. `most`: of a plain socket, how much
 * is read at a time.
 */
export function readBy(stream: Duplex, reader: Reader, most: "plain" | "window" = "plain"): void {
  const opened = stream as Opened;
  const isNew = opened[READER] === undefined;
  opened[READER] = reader;
  if (!isNew) return;
  for (const chunk of buffered(opened)) onData.call(opened, chunk);
  if (isAvailable && opened._handle) readIntoOwn(opened, "encrypted" in opened ? "tls" : most);
  else opened.on("data", onData);
}

/** A data event: gives the chunk to the socket's reader. */
export function onData(this: Socket, chunk: Buffer): void {
  (this as Opened)[READER]?.feed(chunk, undefined, this);
}

/**
 * From now on `socket` gives its reader what it reads without data events. Only where isAvailable, and while the socket is
 * paused with nothing unread.
 */
export function readIntoOwn(socket: Socket, kind: keyof typeof SIZES): void {
  const opened = socket as Opened;
  // A socket that was cut has no handle, and nothing to read.
  if (internals === undefined || !opened._handle) return;
  opened[READS] = new Reads(kind, opened);
  opened[internals.buffer] = SHARED;
  opened[internals.callback] = onRead;
  opened[internals.generator] = nextBuffer;
  opened._handle.useUserBuffer(SHARED);
}

/** Hands on at once what `socket` has read: before anything that must come behind it, as the end of the stream. */
export function flushReads(socket: Duplex): void {
  (socket as Opened)[READS]?.flush();
}

/** `socket` may be idle for long: until more bulk data comes it has no buffer. */
export function restReads(socket: Socket): void {
  (socket as Opened)[READS]?.rest();
}

/** Node asks for the buffer of the next read right after each one, and does not say for which socket. */
let latest: Reads | undefined;

function onRead(this: Opened, count: number): boolean {
  const reads = this[READS];
  const goesOn = reads?.took(count);
  latest = reads;
  return goesOn ?? false;
}

const nextBuffer = (): Buffer => latest?.room() ?? SHARED;

/** Sockets that read whole records in this turn of the event loop, and may have more of them. */
const gathering: Reads[] = [];

function flushGathered(): void {
  for (const reads of gathering.splice(0)) reads.flush();
}

/** Sockets that have a large buffer, and who looks at them. */
const holders = new Set<Reads>();
let look: NodeJS.Timeout | undefined;

/** Takes its large buffer from each socket that has read nothing since the last time. */
export function restQuiet(): void {
  for (const reads of holders) reads.restIfQuiet();
  if (holders.size > 0) return;
  clearInterval(look);
  look = undefined;
}

/** The reads of one socket. */
class Reads {
  readonly #kind: keyof typeof SIZES;
  readonly #socket: Opened;
  /** Undefined while the socket reads into SHARED. Changes only when Node asks where the next read goes. */
  #large: Lending | undefined;
  /** Of the large buffer: up to here handed on, up to here read. */
  #handed = 0;
  #filled = 0;
  #isBulk = false;
  /** Small reads in a row. */
  #small = 0;
  #hasRead = false;

  constructor(kind: keyof typeof SIZES, socket: Opened) {
    this.#kind = kind;
    this.#socket = socket;
  }

  /** `count` bytes were read to where room() said. */
  took(count: number): boolean {
    this.#hasRead = true;
    this.#small = count > FEW ? 0 : this.#small + 1;
    this.#isBulk = count > FEW || (this.#isBulk && this.#small <= MAX_SMALL);
    if (this.#large === undefined) return this.#feed(copied(SHARED, 0, count), undefined);
    if (count <= FEW && this.#filled === this.#handed)
      return this.#feed(copied(this.#large.buffer, this.#filled, count), undefined);
    this.#filled += count;
    if (count !== RECORD || this.#isFull(this.#large)) return this.flush();
    if (this.#filled - this.#handed === count && gathering.push(this) === 1) setImmediate(flushGathered);
    return true;
  }

  /** Where the next read goes. */
  room(): Buffer {
    if (this.#large !== undefined && (!this.#isBulk || this.#isHanded)) this.#release(this.#large);
    if (!this.#isBulk) return SHARED;
    this.#large ??= this.#borrow();
    return this.#filled === 0 ? this.#large.buffer : this.#large.buffer.subarray(this.#filled);
  }

  flush(): boolean {
    if (this.#large === undefined || this.#filled === this.#handed) return true;
    const chunk = this.#large.buffer.subarray(this.#handed, this.#filled);
    this.#handed = this.#filled;
    this.#large.users++;
    return this.#feed(chunk, this.#large);
  }

  restIfQuiet(): void {
    if (!this.#hasRead) this.rest();
    this.#hasRead = false;
  }

  rest(): void {
    this.#isBulk = false;
    if (this.#large === undefined || this.#filled !== this.#handed) return;
    this.#release(this.#large);
    this.#socket._handle?.useUserBuffer(SHARED);
  }

  #borrow(): Lending {
    holders.add(this);
    look ??= setInterval(restQuiet, QUIET_MS).unref();
    return borrow(this.#kind);
  }

  #release(large: Lending): void {
    holders.delete(this);
    giveBack(large);
    this.#large = undefined;
    this.#filled = this.#handed = 0;
  }

  #feed(chunk: Buffer, lent: Lending | undefined): boolean {
    return this.#socket[READER]?.feed(chunk, lent, this.#socket) ?? false;
  }

  /** What is behind it lies in another buffer, or it would be cut where that ends. */
  get #isHanded(): boolean {
    return this.#filled > 0 && this.#filled === this.#handed;
  }

  /** A record may not fit any more; a plain read is never followed by another one in the same buffer. */
  #isFull({ buffer }: Lending): boolean {
    return this.#kind !== "tls" || this.#filled + RECORD > buffer.length;
  }
}

function copied(from: Buffer, at: number, count: number): Buffer {
  const chunk = Buffer.allocUnsafe(count);
  from.copy(chunk, 0, at, at + count);
  return chunk;
}

/** What a paused socket holds already: all of it, though a read() may give one chunk of several. */
export function buffered(socket: Socket): Buffer[] {
  const chunks: Buffer[] = [];
  while (socket.readableLength > 0) {
    const chunk: unknown = socket.read();
    if (chunk === null) break;
    chunks.push(chunk as Buffer);
  }
  return chunks;
}
