// The words for each failure: status and response code (RFC 9051 section 7.1, RFC 5530). NO and BAD answer a tag; BYE ends
// the connection.

import type { Failure, FailureKind } from "@postern/contracts";
import { oneLine } from "@postern/core";

interface Reply {
  readonly status: "NO" | "BAD" | "BYE" | "nothing";
  readonly code?: string;
  /** The words of the backend, or of the route source that refused, may be told: they say more than ours. */
  readonly relay?: boolean;
}

const UNAVAILABLE: Reply = { status: "NO", code: "UNAVAILABLE" };

export const REPLIES: Readonly<Record<FailureKind, Reply>> = {
  "client-gone": { status: "nothing" },
  "proxy-header": { status: "nothing" },
  "tls-handshake": { status: "nothing" },
  "tls-client-certificate": { status: "nothing" },
  "login-timeout": { status: "BYE" },
  "line-too-long": { status: "BYE", code: "TOOBIG" },
  "literal-too-large": { status: "BAD", code: "TOOBIG" },
  "bytes-behind-starttls": { status: "nothing" },
  "wrong-protocol": { status: "nothing" },
  "too-many-errors": { status: "BYE" },
  syntax: { status: "BAD" },
  "unknown-command": { status: "BAD" },
  "not-now": { status: "BAD", code: "CLIENTBUG" },
  "plaintext-refused": { status: "NO", code: "PRIVACYREQUIRED" },
  "unknown-mechanism": { status: "NO", code: "CANNOT" },
  "exchange-cancelled": { status: "BAD" },
  "exchange-malformed": { status: "BAD" },
  "wrong-credentials": { status: "NO", code: "AUTHENTICATIONFAILED", relay: true },
  "not-authorized": { status: "NO", code: "AUTHORIZATIONFAILED", relay: true },
  "credentials-expired": { status: "NO", code: "EXPIRED", relay: true },
  "verifier-down": UNAVAILABLE,
  "too-many-connections": { status: "BYE", code: "UNAVAILABLE" },
  "too-many-from-address": { status: "BYE", code: "LIMIT" },
  "too-many-failures": { status: "BYE", code: "LIMIT" },
  "too-many-of-user": { status: "NO", code: "LIMIT" },
  "unknown-user": { status: "NO", code: "AUTHENTICATIONFAILED" },
  "source-down": UNAVAILABLE,
  "route-refused": { status: "NO", code: "AUTHENTICATIONFAILED", relay: true },
  "route-loop": { status: "NO", code: "SERVERBUG" },
  "no-candidate": UNAVAILABLE,
  "backend-unreachable": UNAVAILABLE,
  "backend-silent": UNAVAILABLE,
  "backend-tls": UNAVAILABLE,
  "backend-plaintext": UNAVAILABLE,
  "backend-garbled": UNAVAILABLE,
  "backend-lost": UNAVAILABLE,
  "backend-mechanism": { status: "NO", code: "CANNOT" },
  "backend-unavailable": { ...UNAVAILABLE, relay: true },
  "backend-busy": { status: "NO", code: "INUSE", relay: true },
  "backend-limit": { status: "NO", code: "LIMIT", relay: true },
  "shutting-down": { status: "BYE", code: "UNAVAILABLE" },
  kicked: { status: "BYE" },
  idle: { status: "BYE" },
  internal: { status: "NO", code: "SERVERBUG" },
};

/** The reply's lines for a tag; "" as the tag answers what had none. */
export function refusal(failure: Failure, tag: string): string {
  const { status, code, relay } = REPLIES[failure.kind];
  if (status === "nothing") return "";
  const said = relay ? failure.said : undefined;
  const shown = said?.code ?? code;
  const words = `${shown === undefined ? "" : `[${shown}] `}${oneLine(said?.text || failure.row.public)}`;
  if (status === "BYE") return `* BYE ${words}\r\n`;
  const answer = tag === "" ? `* ${failure.row.mayContinue ? "BAD" : "BYE"} ${words}\r\n` : `${tag} ${status} ${words}\r\n`;
  return failure.row.mayContinue || tag === "" ? answer : `${answer}* BYE ${failure.row.public}\r\n`;
}

/** Kinds for the response codes of a backend's NO (RFC 5530). */
export const KIND_OF_CODE: Readonly<Record<string, FailureKind>> = {
  AUTHENTICATIONFAILED: "wrong-credentials",
  AUTHORIZATIONFAILED: "not-authorized",
  EXPIRED: "credentials-expired",
  UNAVAILABLE: "backend-unavailable",
  SERVERBUG: "backend-unavailable",
  CONTACTADMIN: "route-refused",
  INUSE: "backend-busy",
  LIMIT: "backend-limit",
  PRIVACYREQUIRED: "backend-mechanism",
};
