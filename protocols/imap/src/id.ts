// The ID command's pairs (RFC 2971): the client's are read and passed on; the gateway adds where the client really is, in
// the keys that Dovecot reads from its login_trusted_networks. `x-proxy-ttl` counts down at every gateway and stops two
// that point at each other. Failure: syntax, route-loop.

import type { Session } from "@postern/contracts";
import { reportedAddress, takeTtl, ttlFor } from "@postern/core";
import { ImapSyntax, type ImapCommand } from "./command-parser.ts";

const MAX_PAIRS = 30;
const MAX_KEY = 30;
const MAX_VALUE = 1024;

/** Keys that speak of the connection, not of the software: believed only from trusted peers, never passed on. */
const RESERVED = /^x-(originating|connected|session|proxy|forward)/;

export type IdPairs = ReadonlyMap<string, string | null>;

/** The pairs of `ID (…)` or `ID NIL`. */
export function parseId(command: ImapCommand): IdPairs {
  const { args, tag } = command;
  const pairs = new Map<string, string | null>();
  if (args.length === 1 && args[0]?.text.toUpperCase() === "NIL") return pairs;
  const inner = args.slice(1, -1);
  if (args[0]?.kind !== "open" || args.at(-1)?.kind !== "close" || inner.length % 2 !== 0)
    throw new ImapSyntax(tag, "ID takes NIL or a list of pairs");
  if (inner.length > MAX_PAIRS * 2) throw new ImapSyntax(tag, `ID takes at most ${MAX_PAIRS} pairs`);
  for (let at = 0; at < inner.length; at += 2) {
    const key = inner[at];
    const value = inner[at + 1];
    if (key?.kind !== "string" || value === undefined) throw new ImapSyntax(tag, "An ID field name is a string");
    if (key.text.length > MAX_KEY || value.text.length > MAX_VALUE) throw new ImapSyntax(tag, "An ID field is too long");
    pairs.set(key.text.toLowerCase(), value.kind === "atom" && value.text.toUpperCase() === "NIL" ? null : value.text);
  }
  return pairs;
}

/** Takes from a client's ID what the session needs. Only a trusted gateway is believed about the address. */
export function learnFromId(pairs: IdPairs, session: Session): void {
  takeTtl(session, pairs.get("x-proxy-ttl"));
  session.client = reportedAddress(session, pairs.get("x-originating-ip"), pairs.get("x-originating-port")) ?? session.client;
  session.local = reportedAddress(session, pairs.get("x-connected-ip"), pairs.get("x-connected-port")) ?? session.local;
  session.software = new Map([...pairs].filter(([key]) => !RESERVED.test(key)));
}

/** The ID command's argument for the backend: the client's own pairs, then where it is. Failure: route-loop. */
export function backendId(session: Session): string {
  const own: [string, string | null][] = [
    ["x-session-id", session.id],
    ["x-originating-ip", session.client.host || null],
    ["x-originating-port", String(session.client.port)],
    ["x-connected-ip", session.local.host || null],
    ["x-connected-port", String(session.local.port)],
    ["x-proxy-ttl", ttlFor(session)],
  ];
  const theirs = [...(session.software ?? [])].slice(0, MAX_PAIRS - own.length);
  return `(${[...theirs, ...own].map(([key, value]) => `${quote(key)} ${value === null ? "NIL" : quote(value)}`).join(" ")})`;
}

/** A quoted string; what cannot stand in one becomes "?". */
export function quote(text: string): string {
  return `"${text.replaceAll(/[^\u0020-\u007e]/g, "?").replaceAll(/["\\]/g, "\\$&")}"`;
}
