// How a failure is told to a client of RPC over HTTP: 503 with the RPC error in the reason phrase, in HTTP/1.0 as RPC proxies say
// it ([MS-RPCH] section 2.1.2.1.3). A code for every kind, so that a new kind does not compile without one; [MS-ERREF]
// section 2.2. Never throws.

import type { Failure, FailureKind } from "@postern/contracts";
import type { Fields } from "@postern/http";
import type { Exchange } from "../exchange.ts";

const ACCESS_DENIED = 0x5;
const SERVER_UNAVAILABLE = 0x6ba;
/** The client comes again by itself. */
const SERVER_TOO_BUSY = 0x6bb;
const CALL_FAILED = 0x6be;
const PROTOCOL_ERROR = 0x6c0;

const CODES: Readonly<Record<FailureKind, number>> = {
  "client-gone": CALL_FAILED,
  "proxy-header": PROTOCOL_ERROR,
  "tls-handshake": PROTOCOL_ERROR,
  "tls-client-certificate": ACCESS_DENIED,
  "login-timeout": CALL_FAILED,
  "line-too-long": PROTOCOL_ERROR,
  "literal-too-large": PROTOCOL_ERROR,
  "bytes-behind-starttls": PROTOCOL_ERROR,
  "wrong-protocol": PROTOCOL_ERROR,
  "too-many-errors": PROTOCOL_ERROR,
  syntax: PROTOCOL_ERROR,
  "unknown-command": PROTOCOL_ERROR,
  "not-now": PROTOCOL_ERROR,
  "plaintext-refused": ACCESS_DENIED,
  "unknown-mechanism": ACCESS_DENIED,
  "exchange-cancelled": ACCESS_DENIED,
  "exchange-malformed": ACCESS_DENIED,
  "wrong-credentials": ACCESS_DENIED,
  "not-authorized": ACCESS_DENIED,
  "credentials-expired": ACCESS_DENIED,
  "verifier-down": SERVER_TOO_BUSY,
  "too-many-failures": SERVER_TOO_BUSY,
  "too-many-connections": SERVER_TOO_BUSY,
  "too-many-from-address": SERVER_TOO_BUSY,
  "too-many-of-user": SERVER_TOO_BUSY,
  "unknown-user": ACCESS_DENIED,
  "source-down": SERVER_TOO_BUSY,
  "route-refused": ACCESS_DENIED,
  "route-loop": SERVER_UNAVAILABLE,
  "no-candidate": SERVER_UNAVAILABLE,
  "backend-unreachable": SERVER_UNAVAILABLE,
  "backend-silent": SERVER_UNAVAILABLE,
  "backend-tls": SERVER_UNAVAILABLE,
  "backend-plaintext": SERVER_UNAVAILABLE,
  "backend-garbled": SERVER_UNAVAILABLE,
  "backend-lost": SERVER_UNAVAILABLE,
  "backend-mechanism": SERVER_UNAVAILABLE,
  "backend-unavailable": SERVER_UNAVAILABLE,
  "backend-busy": SERVER_TOO_BUSY,
  "backend-limit": SERVER_TOO_BUSY,
  "shutting-down": SERVER_TOO_BUSY,
  kicked: SERVER_UNAVAILABLE,
  idle: CALL_FAILED,
  internal: CALL_FAILED,
};

/** The connection ends behind it: in HTTP/1.0 nothing follows. `fields`: what goes with it. */
export function sayRpcError({ answer, client }: Pick<Exchange, "answer" | "client">, { kind }: Failure, fields: Fields): void {
  client.closeSoon();
  const reason = `RPC Error: ${CODES[kind].toString(16)}`;
  answer.begin({ status: 503, reason, fields: [...fields, "Content-Length", "0"], minor: 0 }, 0);
  answer.end();
}
