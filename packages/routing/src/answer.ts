// What the sources that ask somebody else share: an answer that may say how long it lives, and the checks that keep a
// foreign answer from reaching a log, a header or a login line with characters of its own. Throws Failure source-down.

import { Failure } from "@postern/contracts";
import type { AddressCandidate, LegTls, RouteAnswer } from "@postern/contracts";

/** An answer that says itself how long it may be remembered, milliseconds. Zero: not at all. */
export interface TimedAnswer extends RouteAnswer {
  readonly ttlMs?: number;
}

/** How an address that belongs to no configured backend is reached. */
export interface AddressPolicy {
  readonly tls: LegTls;
  readonly allowPlaintext: boolean;
}

/** The longest time, in seconds, that a source may make a client wait, or the gateway wait to ask again. */
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

/** A user name or secret that a source wants to log in with: not empty (unless it may be), no control characters, not endless. */
export function checkedLogin(what: string, value: string, { mayBeEmpty = false } = {}): string {
  if (value === "" && !mayBeEmpty) throw new Failure("source-down", `sent an empty ${what}`);
  if (CONTROL.test(value)) throw new Failure("source-down", `sent a control character in ${what}`);
  if (value.length > 4096) throw new Failure("source-down", `sent an overlong ${what}`);
  return value;
}

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i;

/** A candidate by address: an IPv4 or IPv6 address (with or without brackets) or a host name, and a port of 1 to 65535. */
export function addressCandidate(host: string, port: string | number, policy: AddressPolicy): AddressCandidate {
  const bare = host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
  const isHost = bare.includes(":")
    ? /^[0-9a-f:.]{2,45}$/i.test(bare) && URL.canParse(`http://[${bare}]/`)
    : HOST_NAME.test(bare);
  if (!isHost) throw new Failure("source-down", `sent ${shown(host)}, which is no address and no host name`);
  const number = /^\d{1,5}$/.test(String(port)) ? Number(port) : 0;
  if (number < 1 || number > 65535) throw new Failure("source-down", `sent ${shown(port)}, which is no port`);
  const { tls, allowPlaintext } = policy;
  return { host: bare, port: number, ...(tls !== "none" && { tls }), ...(allowPlaintext && { allowPlaintext }) };
}
