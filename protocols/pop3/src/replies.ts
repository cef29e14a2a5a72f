// The words for each failure: -ERR with a response code (RFC 2449 section 8, RFC 3206).

import type { Failure, FailureKind } from "@postern/contracts";
import { oneLine } from "@postern/core";

interface Reply {
  /** Without brackets; undefined for none. */
  readonly code?: "AUTH" | "SYS/TEMP" | "SYS/PERM" | "IN-USE" | "LOGIN-DELAY";
  /** Nothing is said, the connection is closed. */
  readonly silent?: boolean;
  /** The words of the backend, or of the route source that refused, may be told. */
  readonly relay?: boolean;
}

const SILENT: Reply = { silent: true };
const PLAIN: Reply = {};
const TEMP: Reply = { code: "SYS/TEMP" };

export const REPLIES: Readonly<Record<FailureKind, Reply>> = {
  "client-gone": SILENT,
  "proxy-header": SILENT,
  "tls-handshake": SILENT,
  "tls-client-certificate": SILENT,
  "login-timeout": PLAIN,
  "line-too-long": PLAIN,
  "literal-too-large": PLAIN,
  "bytes-behind-starttls": SILENT,
  "wrong-protocol": SILENT,
  "too-many-errors": PLAIN,
  syntax: PLAIN,
  "unknown-command": PLAIN,
  "not-now": PLAIN,
  "plaintext-refused": PLAIN,
  "unknown-mechanism": PLAIN,
  "exchange-cancelled": PLAIN,
  "exchange-malformed": PLAIN,
  "wrong-credentials": { code: "AUTH", relay: true },
  "not-authorized": { code: "AUTH", relay: true },
  "credentials-expired": { code: "AUTH", relay: true },
  "verifier-down": TEMP,
  "too-many-connections": TEMP,
  "too-many-from-address": TEMP,
  "too-many-failures": { code: "SYS/TEMP" },
  "too-many-of-user": { code: "IN-USE" },
  "unknown-user": { code: "AUTH" },
  "source-down": TEMP,
  "route-refused": { code: "AUTH", relay: true },
  "route-loop": { code: "SYS/PERM" },
  "no-candidate": TEMP,
  "backend-unreachable": TEMP,
  "backend-silent": TEMP,
  "backend-tls": TEMP,
  "backend-plaintext": TEMP,
  "backend-garbled": TEMP,
  "backend-lost": TEMP,
  "backend-mechanism": { code: "SYS/PERM" },
  "backend-unavailable": { code: "SYS/TEMP", relay: true },
  "backend-busy": { code: "IN-USE", relay: true },
  "backend-limit": { code: "IN-USE", relay: true },
  "shutting-down": TEMP,
  kicked: TEMP,
  idle: PLAIN,
  internal: TEMP,
};

/** The -ERR line; "" when nothing is to be said. */
export function refusal(failure: Failure): string {
  const { code, silent, relay } = REPLIES[failure.kind];
  if (silent) return "";
  const said = relay ? failure.said : undefined;
  const shown = said?.code ?? code;
  return `-ERR ${shown === undefined ? "" : `[${shown}] `}${oneLine(said?.text || failure.row.public)}\r\n`;
}

/** Kinds for the response codes of a backend's -ERR. */
export const KIND_OF_CODE: Readonly<Record<string, FailureKind>> = {
  AUTH: "wrong-credentials",
  "SYS/TEMP": "backend-unavailable",
  "SYS/PERM": "backend-unavailable",
  "IN-USE": "backend-busy",
  "LOGIN-DELAY": "backend-busy",
};
