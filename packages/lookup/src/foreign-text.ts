// Text of a foreign program, before it reaches a log, a client or a login line: one line, no control characters, not
// endless. Throws Failure source-down.

import { Failure } from "@postern/contracts";

/** The longest time, in seconds, that a server may make a client wait, or the gateway wait to ask again. */
export const MAX_WAIT_S = 300;

// eslint-disable-next-line no-control-regex -- control characters are what it looks for
const CONTROL = /[\x00-\x1f\x7f\u2028\u2029]/;
const CONTROLS = new RegExp(CONTROL, "g");

/** Text of a foreign program for the client: one line, no control characters, at most 300 characters; "" when nothing is left. */
export function cleanText(text: string): string {
  return text.replace(CONTROLS, " ").trim().slice(0, 300);
}

/** A foreign value for a log line: quoted, escaped and short. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length <= 80 ? text : `${text.slice(0, 80)}…`;
}

/** A user name or secret that a server wants to log in with: not empty (unless it may be), no control characters, not endless. */
export function checkedLogin(what: string, value: string, { mayBeEmpty = false } = {}): string {
  if (value === "" && !mayBeEmpty) throw new Failure("source-down", `sent an empty ${what}`);
  if (CONTROL.test(value)) throw new Failure("source-down", `sent a control character in ${what}`);
  if (value.length > 4096) throw new Failure("source-down", `sent an overlong ${what}`);
  return value;
}
