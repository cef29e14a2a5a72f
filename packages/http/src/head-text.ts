// Writes heads of HTTP/1.1, and answers of HTTP/1.0 where a protocol wants them (RFC 9112), with their blank line, to be sent as
// latin1. The last line of defence against injection: whatever would not be one token, one target or one line, or would change
// when it is written as latin1 (U+010A becomes LF), is a defect of the caller. Never quotes a value. Throws Error.

import type { Fields } from "./message.ts";
import { tokenName } from "./names.ts";

const TARGET = /^[!-~]+$/;
/** By octet: 1 for what is no text of a line, all controls but the tab. */
const CONTROL = Uint8Array.from({ length: 256 }, (_, octet) => ((octet < 0x20 && octet !== 0x09) || octet === 0x7f ? 1 : 0));
const COLON = 0x3a;
const SPACE = 0x20;
const CR = 0x0d;
const LF = 0x0a;

export function requestText(method: string, target: string, fields: Fields): string {
  if (tokenName(method) === undefined) throw new Error("A method that is no token");
  if (!TARGET.test(target)) throw new Error("A target that would not be one");
  return headText(`${method} ${target} HTTP/1.1`, fields);
}

export function answerText(status: number, reason: string, fields: Fields, minor: 0 | 1 = 1): string {
  if (!Number.isInteger(status) || status < 100 || status > 999) throw new Error(`${status} is no status`);
  return headText(`HTTP/1.${minor} ${status} ${reason}`, fields);
}

/** The fields, each with its CRLF. */
export function headFields(fields: Fields): string {
  makeRoom(sizeOf(fields));
  return room.toString("latin1", 0, putFields(fields, 0));
}

function headText(start: string, fields: Fields): string {
  makeRoom(start.length + 4 + sizeOf(fields));
  const end = put(start, 0);
  if (end === -1) throw new Error("A first line that would not be one");
  return room.toString("latin1", 0, putEnd(putFields(fields, putEnd(end))));
}

/** Where a head is put together, octet by octet: joined texts would cost far more, and be copied once more when they are sent. */
let room = Buffer.allocUnsafeSlow(16 * 1024);

function makeRoom(size: number): void {
  if (size > room.length) room = Buffer.allocUnsafeSlow(size);
}

/** Of each field its colon, space and line end, too. */
function sizeOf(fields: Fields): number {
  let size = 2 * fields.length;
  for (const { length } of fields) size += length;
  return size;
}

/** All of these: the index behind what they have put there. */
function putFields(fields: Fields, from: number): number {
  let at = from;
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? "";
    if (tokenName(name) === undefined) throw new Error("A field's name that is no token");
    at = put(name, at);
    room[at] = COLON;
    room[at + 1] = SPACE;
    const end = put(fields[index + 1] ?? "\0", at + 2);
    if (end === -1) throw new Error(`${name}: a value that would not be one line`);
    at = putEnd(end);
  }
  return at;
}

/** -1: it would not be one line. */
function put(text: string, at: number): number {
  for (let index = 0; index < text.length; index += 1) {
    const octet = text.charCodeAt(index);
    if (CONTROL[octet] !== 0) return -1;
    room[at + index] = octet;
  }
  return at + text.length;
}

function putEnd(at: number): number {
  room[at] = CR;
  room[at + 1] = LF;
  return at + 2;
}
