// Writes heads of HTTP/1.1, and answers of HTTP/1.0 where a protocol wants them (RFC 9112), with their blank line, to be sent as
// latin1. The last line of defence against injection: whatever would not be one token, one target or one line, or would change
// when it is written as latin1 (U+010A becomes LF), is a defect of the caller. Never quotes a value. Throws Error.

import type { Fields } from "./message.ts";
import { tokenName } from "./names.ts";
import { ownText } from "./own-text.ts";

const TARGET = /^[!-~]+$/;
const NO_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

export function requestText(method: string, target: string, fields: Fields, behind?: ReadyLines): string {
  if (tokenName(method) === undefined) throw new Error("A method that is no token");
  if (!TARGET.test(target)) throw new Error("A target that would not be one");
  return `${method} ${target} HTTP/1.1\r\n${headFields(fields)}${behind?.text ?? ""}\r\n`;
}

export function answerText(status: number, reason: string, fields: Fields, minor: 0 | 1 = 1): string {
  if (!Number.isInteger(status) || status < 100 || status > 999) throw new Error(`${status} is no status`);
  if (NO_VALUE.test(reason)) throw new Error("A reason that would not be one line");
  return `HTTP/1.${minor} ${status} ${reason}\r\n${headFields(fields)}\r\n`;
}

/** The fields, each with its CRLF. */
export function headFields(fields: Fields): string {
  let text = "";
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] ?? "";
    const value = fields[at + 1];
    if (tokenName(name) === undefined) throw new Error("A field's name that is no token");
    if (value === undefined || NO_VALUE.test(value)) throw new Error(`${name}: a value that would not be one line`);
    text += `${name}: ${value}\r\n`;
  }
  return text;
}

/** Lines that are the same in many heads: checked once. Only fields make them. */
export class ReadyLines {
  readonly #text: string;

  constructor(fields: Fields) {
    this.#text = ownText(headFields(fields));
  }

  get text(): string {
    return this.#text;
  }
}
