// Packets of the milter protocol: a length of four bytes, a letter, data; texts in them end with NUL. What we write holds no NUL
// but those; of what we read no length is believed. Throws Error for what is none.

import { COMMANDS, MAX_PACKET, REPLIES, type Command, type ReplyName } from "./protocol.ts";

const LENGTH = 4;

export interface Reply {
  readonly name: ReplyName;
  readonly data: Buffer;
}

/** One packet, ready to be sent. */
export function packet(command: Command, ...parts: readonly Buffer[]): Buffer {
  const size = parts.reduce((sum, part) => sum + part.length, 1);
  const head = Buffer.allocUnsafe(LENGTH + 1);
  head.writeUInt32BE(size);
  head.write(COMMANDS[command], LENGTH, "latin1");
  return Buffer.concat([head, ...parts], LENGTH + size);
}

/** A text with its NUL; those within it become blanks. */
export const text = (value: string): Buffer => Buffer.from(`${value.replaceAll("\0", " ")}\0`);

/** Bytes with a NUL behind them. */
export function terminated(bytes: Buffer): Buffer {
  const copy = Buffer.alloc(bytes.length + 1);
  bytes.copy(copy);
  for (let at = copy.indexOf(0); at < bytes.length; at = copy.indexOf(0, at)) copy[at] = 0x20;
  return copy;
}

export function number(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Reads one packet by `read`, which yields exactly so many bytes. */
export async function readReply(read: (count: number) => Promise<Buffer>): Promise<Reply> {
  const size = (await read(LENGTH)).readUInt32BE();
  if (size === 0 || size > MAX_PACKET) throw new Error(`sent a packet of ${size} bytes`);
  const bytes = await read(size);
  const letter = bytes.toString("latin1", 0, 1);
  const name = (REPLIES as Readonly<Record<string, ReplyName>>)[letter];
  if (name === undefined) throw new Error(`answered with ${JSON.stringify(letter)}, which is no reply`);
  return { name, data: bytes.subarray(1) };
}

/** Reads numbers and texts out of a packet's data. */
export class PacketReader {
  readonly #data: Buffer;
  #at = 0;

  constructor(data: Buffer) {
    this.#data = data;
  }

  get isOver(): boolean {
    return this.#at >= this.#data.length;
  }

  number(): number {
    if (this.#at + 4 > this.#data.length) throw new Error("sent a packet that is too short");
    this.#at += 4;
    return this.#data.readUInt32BE(this.#at - 4);
  }

  text(): string {
    const end = this.#data.indexOf(0, this.#at);
    if (end === -1) throw new Error("sent a text without an end");
    const value = this.#data.toString("utf8", this.#at, end);
    this.#at = end + 1;
    return value;
  }
}
