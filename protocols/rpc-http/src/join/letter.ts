// What is said before the octets of a channel that is passed on: a length of 2 octets, JSON, and its mark under the key of the array. The
// other end says one octet first: the channel begins, or it is refused, with a kind of failure and why. Failure: syntax.

import { Failure, FAILURES, type Address, type FailureKind } from "@postern/contracts";
import { MARK_BYTES, type JoinKeys } from "./keys.ts";

/** One channel, as another process needs to know it. */
export interface Letter {
  /** Where it comes from: what comes from a worker of the same node is passed on no more. */
  readonly from: "node" | "worker";
  readonly request: string;
  readonly session: string;
  readonly user: string;
  readonly client: Address;
  readonly local: Address;
  readonly direction: "in" | "out";
  readonly legs: readonly { readonly backend: string; readonly port: number }[];
}

export const BEGINS = 1;
const REFUSED = 0;

const LENGTH_BYTES = 2;
const LONGEST = 8 * 1024;

export function letterBytes(letter: Letter, keys: JoinKeys): Buffer {
  const text = Buffer.from(JSON.stringify(letter));
  if (text.length > LONGEST) throw new Failure("syntax", "A channel that has too much to say of itself");
  return Buffer.concat([lengthOf(text), text, keys.mark(text)]);
}

/** undefined: it is not complete. Failure: it is not of this array. */
export function readLetter(bytes: Buffer, keys: JoinKeys): { readonly letter: Letter; readonly rest: Buffer } | undefined {
  const end = textEnd(bytes);
  if (end === undefined || bytes.length < end + MARK_BYTES) return undefined;
  const text = bytes.subarray(LENGTH_BYTES, end);
  if (!keys.isMark(bytes.subarray(end, end + MARK_BYTES), text)) throw new Failure("syntax", "Not a letter of this array");
  // Only who has the key wrote it.
  return { letter: JSON.parse(text.toString()) as Letter, rest: bytes.subarray(end + MARK_BYTES) };
}

export function refusalBytes({ kind, message }: Failure): Buffer {
  const text = Buffer.from(JSON.stringify({ kind, reason: message.slice(0, LONGEST / 8) }));
  return Buffer.concat([Buffer.of(REFUSED), lengthOf(text), text]);
}

/** What the other end says first. undefined: it is not complete. Failure: it refuses the channel. */
export function readVerdict(bytes: Buffer): { readonly rest: Buffer } | undefined {
  if (bytes[0] === BEGINS) return { rest: bytes.subarray(1) };
  const said = bytes.subarray(1);
  const end = textEnd(said);
  if (end === undefined || said.length < end) return undefined;
  const { kind, reason } = JSON.parse(said.toString("utf8", LENGTH_BYTES, end)) as { kind: string; reason: string };
  throw new Failure(isKind(kind) ? kind : "internal", `Elsewhere: ${reason}`);
}

const isKind = (kind: string): kind is FailureKind => Object.hasOwn(FAILURES, kind);

function lengthOf(text: Buffer): Buffer {
  const length = Buffer.allocUnsafe(LENGTH_BYTES);
  length.writeUInt16BE(text.length);
  return length;
}

/** Where the text ends; undefined: its length is not there. */
function textEnd(bytes: Buffer): number | undefined {
  if (bytes.length < LENGTH_BYTES) return undefined;
  const length = bytes.readUInt16BE(0);
  if (length > LONGEST) throw new Failure("syntax", `A letter of ${length} octets`);
  return LENGTH_BYTES + length;
}
