// The listener flags of the outer contract. All are taken by every build; a build that lacks a protocol says so.

import { andList, orList } from "@postern/contracts";
import type { ProtocolPart } from "./config.ts";
import { laterProtocols, notYet } from "./later.ts";
import { didYouMean } from "./words.ts";

/**
 * Flags that name an address to listen on. A protocol's name, or its name and an s for TLS from the first byte (https is a
 * protocol of that name).
 */
export const LISTENER_FLAGS = ["imap", "imaps", "pop3", "pop3s", "smtp", "submission", "submissions", "http", "https"] as const;
export type ListenerFlag = (typeof LISTENER_FLAGS)[number];

/** What is wrong with a protocol that this build does not know, and the cure. */
export function unknownProtocol(name: string, protocols: readonly ProtocolPart[]): string {
  const host = protocols.find((protocol) => protocol.name === name)?.guestOf;
  if (host !== undefined) return `${name} has no listeners of its own: its clients come by those of ${host}; write ${host}`;
  const known = protocols.flatMap((protocol) => (protocol.guestOf === undefined ? [protocol.name] : []));
  const isLater = laterProtocols(protocols).some((later) => name === later || name === `${later}s`);
  if (isLater) return `${notYet(name)}; it has ${andList(known)}`;
  const secured = known.find((one) => name === `${one}s`);
  if (secured !== undefined) return `${name} is ${secured} with TLS from the first byte; write ${secured}, and tls: implicit`;
  return `unknown protocol "${name}"; ${didYouMean(name, known, "use")}`;
}

/** The protocol that a flag means, and whether TLS is there from the first byte; undefined when this build lacks it. */
export function flagProtocol(
  flag: ListenerFlag,
  protocols: readonly ProtocolPart[],
): { readonly name: string; readonly implicit: boolean } | undefined {
  const named = protocols.find(({ name }) => name === flag);
  if (named !== undefined) return { name: named.name, implicit: false };
  const secured = protocols.find(({ name }) => `${name}s` === flag);
  return secured && { name: secured.name, implicit: true };
}

/** "--imap ADDRESS or --pop3 ADDRESS" */
export function flagExamples(protocols: readonly ProtocolPart[]): string {
  const flags: readonly string[] = LISTENER_FLAGS;
  return orList(protocols.flatMap(({ name }) => (flags.includes(name) ? [`--${name} ADDRESS`] : [])));
}
