// What the load and the fake server of RPC say to each other, whatever carries it: requests of one fragment, as Outlook cuts them,
// that are swallowed; a request that wants so many fragments as answer; and one that asks how many octets have come. Also the words
// of flow control, and a reader that finds both in a stream. Checks nothing that would cost much.

import { rtsPdu } from "@postern/testing";

/** Octets of a PDU in bulk. */
export const FRAGMENT = 5840;
export const WINDOW = 64 * 1024;
/** Fragments that fit into a window. */
export const SOME = 11;

const RESPONSE = 2;
const RTS = 20;
const HEADER = 16;
/** A header, what all requests and responses have behind it, and one number. */
const HEAD = 28;

export const SWALLOW = 0;
export const ANSWER = 1;
export const TELL = 2;

/** A PDU of one fragment that says one number. */
function pdu(type: number, length: number, opnum: number, number: number): Buffer {
  const bytes = Buffer.alloc(length);
  bytes.set([5, 0, type, 3, 0x10]);
  bytes.writeUInt16LE(length, 8);
  bytes.writeUInt16LE(opnum, 22);
  bytes.writeUInt32LE(number, 24);
  return bytes;
}

export const request = (opnum: number, number = 0): Buffer => pdu(0, HEAD, opnum, number);
export const response = (number: number): Buffer => pdu(RESPONSE, HEAD, 0, number);

const many = (one: Buffer): Buffer => Buffer.concat(Array.from({ length: SOME }, () => one));
export const BULK = { up: many(pdu(0, FRAGMENT, SWALLOW, 0)), down: many(pdu(RESPONSE, FRAGMENT, 0, 0)) } as const;

export interface Hears {
  /** Of a PDU of RPC, its header has come: all its octets, what it is for, its number. */
  rpc(octets: number, opnum: number, number: number): void;
  /** Must be copied if it is kept. */
  rts(pdu: Buffer): void;
}

/** Reads the heads of PDUs out of a stream that comes in any pieces. */
export class Reader {
  readonly #hears: Hears;
  readonly #head = Buffer.alloc(256);
  #filled = 0;
  #skip = 0;

  constructor(hears: Hears) {
    this.#hears = hears;
  }

  feed(chunk: Buffer): void {
    for (let at = 0; at < chunk.length;) at += this.#skip > 0 ? this.#skipIn(chunk.length - at) : this.#headIn(chunk, at);
  }

  #skipIn(octets: number): number {
    const skipped = Math.min(this.#skip, octets);
    this.#skip -= skipped;
    return skipped;
  }

  /** Octets of the chunk that it took. */
  #headIn(chunk: Buffer, at: number): number {
    const had = this.#filled;
    const wanted = had < HEADER ? HEADER : this.#wanted();
    const copied = chunk.copy(this.#head, had, at, at + wanted - had);
    this.#filled += copied;
    if (this.#filled >= HEADER && this.#filled === this.#wanted()) this.#tell();
    return copied;
  }

  /** How much of the PDU is to be seen. */
  #wanted(): number {
    return this.#head[2] === RTS ? this.#head.readUInt16LE(8) : HEAD;
  }

  #tell(): void {
    const head = this.#head;
    const octets = head.readUInt16LE(8);
    const size = this.#filled;
    this.#filled = 0;
    this.#skip = octets - size;
    if (head[2] === RTS) this.#hears.rts(head.subarray(0, size));
    else this.#hears.rpc(octets, head.readUInt16LE(22), head.readUInt32LE(24));
  }
}

/** What may be sent; without a window as much as one likes. */
export class Sending {
  readonly #write: (bytes: Buffer) => boolean;
  readonly #bulk: Buffer;
  #room: number;
  #sent = 0;
  #left = 0;
  #last: Buffer | undefined;

  constructor(write: (bytes: Buffer) => boolean, bulk: Buffer, window = Infinity) {
    this.#write = write;
    this.#bulk = bulk;
    this.#room = window;
  }

  /** Sends so many fragments, as there is room, and `last` behind them. */
  bulk(fragments: number, last?: Buffer): void {
    this.#left += fragments;
    this.#last = last;
    this.pump();
  }

  one(bytes: Buffer): void {
    this.#take(bytes);
  }

  acknowledged(received: number, available: number): void {
    this.#room = available - (this.#sent - received);
    this.pump();
  }

  pump(): void {
    for (let goesOn = true; goesOn && this.#left > 0;) {
      const fragments = Math.min(this.#left, SOME, Math.floor(this.#room / FRAGMENT));
      if (fragments <= 0) return;
      this.#left -= fragments;
      goesOn = this.#take(this.#bulk.subarray(0, fragments * FRAGMENT)) || this.#room !== Infinity;
    }
    if (this.#left > 0 || this.#last === undefined) return;
    this.#take(this.#last);
    this.#last = undefined;
  }

  #take(bytes: Buffer): boolean {
    this.#room -= bytes.length;
    this.#sent += bytes.length;
    return this.#write(bytes);
  }
}

/** What has come; half of a window taken is told. */
export class Receiving {
  received = 0;
  readonly #tell: (pdu: Buffer) => void;
  readonly #ack: Buffer;
  #told = 0;

  /** `ack`: an acknowledgement whose last command holds the numbers. */
  constructor(ack: Buffer, tell: (pdu: Buffer) => void) {
    this.#ack = ack;
    this.#tell = tell;
  }

  came(octets: number): void {
    this.received += octets;
    if (this.received - this.#told < WINDOW / 2) return;
    this.#told = this.received;
    const pdu = Buffer.from(this.#ack);
    pdu.writeUInt32LE(this.received, pdu.length - 24);
    pdu.writeUInt32LE(WINDOW, pdu.length - 20);
    this.#tell(pdu);
  }
}

/** The numbers of an acknowledgement; undefined: it is none. */
export function ackOf(pdu: Buffer): { readonly received: number; readonly available: number } | undefined {
  if (pdu.length !== ACK && pdu.length !== ACK + 8) return undefined;
  if (pdu.readUInt32LE(pdu.length - 28) !== 1) return undefined;
  return { received: pdu.readUInt32LE(pdu.length - 24), available: pdu.readUInt32LE(pdu.length - 20) };
}

const ACK = rtsPdu("FlowControlAck").length;
