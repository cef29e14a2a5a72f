// The client's half of NTLMv2 for tests ([MS-NLMP] sections 3.1.5 and 3.3.2), written from the specification and on its
// own: it shares RC4 with the server's half, and nothing else. Every part can be left out or bent.

import { createHash, createHmac, randomBytes } from "node:crypto";
import { rc4 } from "../src/ntlm/rc4.ts";

export interface NtlmClientOptions {
  readonly user: string;
  readonly domain: string;
  /** 16 bytes. */
  readonly ntHash: Buffer;
  /** Default: what Windows asks for. */
  readonly flags?: number;
  /** Default: as Windows does, when the challenge has a time. */
  readonly mic?: boolean;
  /** The hash of the server's certificate; null: sixteen zeros; undefined: no AV pair. */
  readonly endPoint?: Buffer | null;
  /** In place of the server's AV 7. */
  readonly time?: Buffer;
  readonly bend?: (ntResponse: Buffer) => Buffer;
}

export interface ClientAnswer {
  readonly message: Buffer;
  readonly sessionKey: Buffer;
}

const UNICODE = 0x1;
const KEY_EXCHANGE = 0x40000000;
const WINDOWS = 0xe2088297;

const hmac = (key: Buffer, ...parts: readonly Buffer[]): Buffer =>
  parts.reduce((mac, part) => mac.update(part), createHmac("md5", key)).digest();
const utf16 = (text: string): Buffer => Buffer.from(text, "utf16le");

/** NTOWFv2 over an NT hash. */
export const responseKey = (ntHash: Buffer, user: string, domain: string): Buffer =>
  hmac(ntHash, utf16(user.toUpperCase() + domain));

export const proofOf = (key: Buffer, serverChallenge: Buffer, temp: Buffer): Buffer => hmac(key, serverChallenge, temp);
export const sessionBaseKeyOf = (key: Buffer, proof: Buffer): Buffer => hmac(key, proof);

export class NtlmClient {
  readonly #options: NtlmClientOptions;
  #negotiate = Buffer.alloc(0);

  constructor(options: NtlmClientOptions) {
    this.#options = options;
  }

  negotiate(): Buffer {
    const message = Buffer.alloc(40);
    message.write("NTLMSSP\0", "latin1");
    message.writeUInt32LE(1, 8);
    message.writeUInt32LE(this.#options.flags ?? WINDOWS, 12);
    this.#negotiate = message;
    return message;
  }

  authenticate(challenge: Buffer): ClientAnswer {
    const { user, domain, ntHash, bend } = this.#options;
    const theirs = readPairs(field(challenge, 40));
    const mic = this.#options.mic ?? theirs.has(7);
    const temp = Buffer.concat([
      Buffer.from([1, 1, 0, 0, 0, 0, 0, 0]),
      this.#options.time ?? theirs.get(7) ?? Buffer.alloc(8),
      randomBytes(8),
      Buffer.alloc(4),
      writePairs(this.#pairs(theirs, mic)),
      Buffer.alloc(4),
    ]);
    const key = responseKey(ntHash, user, domain);
    const proof = proofOf(key, challenge.subarray(24, 32), temp);
    const baseKey = sessionBaseKeyOf(key, proof);
    const flags = challenge.readUInt32LE(20);
    const random = randomBytes(16);
    const exchange = (flags & KEY_EXCHANGE) !== 0;
    const sessionKey = exchange ? random : baseKey;
    const text = (name: string): Buffer => Buffer.from(name, (flags & UNICODE) === 0 ? "latin1" : "utf16le");
    const message = layOut(flags, [
      Buffer.alloc(24),
      bend?.(Buffer.concat([proof, temp])) ?? Buffer.concat([proof, temp]),
      text(domain),
      text(user),
      text("CLIENT"),
      exchange ? rc4(baseKey, random) : Buffer.alloc(0),
    ]);
    if (mic) hmac(sessionKey, this.#negotiate, challenge, message).copy(message, 72);
    return { message, sessionKey };
  }

  #pairs(theirs: ReadonlyMap<number, Buffer>, mic: boolean): Map<number, Buffer> {
    const { endPoint, time } = this.#options;
    const pairs = new Map(theirs);
    if (mic) pairs.set(6, Buffer.from([2, 0, 0, 0]));
    if (time !== undefined) pairs.set(7, time);
    if (endPoint !== undefined) pairs.set(10, endPoint === null ? Buffer.alloc(16) : bindings(endPoint));
    return pairs;
  }
}

/** RFC 2744 section 3.11 over RFC 5929. */
function bindings(endPoint: Buffer): Buffer {
  const data = Buffer.concat([Buffer.from("tls-server-end-point:"), endPoint]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(data.length);
  return createHash("md5")
    .update(Buffer.concat([Buffer.alloc(16), length, data]))
    .digest();
}

/** The parts behind a header of 88 bytes. */
function layOut(flags: number, parts: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(88);
  header.write("NTLMSSP\0", "latin1");
  header.writeUInt32LE(3, 8);
  let at = header.length;
  for (const [index, { length }] of parts.entries()) {
    header.writeUInt16LE(length, 12 + index * 8);
    header.writeUInt16LE(length, 14 + index * 8);
    header.writeUInt32LE(at, 16 + index * 8);
    at += length;
  }
  header.writeUInt32LE(flags, 60);
  return Buffer.concat([header, ...parts]);
}

function field(message: Buffer, place: number): Buffer {
  const at = message.readUInt32LE(place + 4);
  return message.subarray(at, at + message.readUInt16LE(place));
}

export function readPairs(bytes: Buffer): Map<number, Buffer> {
  const pairs = new Map<number, Buffer>();
  for (let at = 0; bytes.readUInt16LE(at) !== 0; at += 4 + bytes.readUInt16LE(at + 2))
    pairs.set(bytes.readUInt16LE(at), bytes.subarray(at + 4, at + 4 + bytes.readUInt16LE(at + 2)));
  return pairs;
}

function writePairs(pairs: ReadonlyMap<number, Buffer>): Buffer {
  const parts = [...pairs, [0, Buffer.alloc(0)] as const].flatMap(([id, value]) => {
    const header = Buffer.alloc(4);
    header.writeUInt16LE(id);
    header.writeUInt16LE(value.length, 2);
    return [header, value];
  });
  return Buffer.concat(parts);
}
