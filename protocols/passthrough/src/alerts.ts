// What a client is told that cannot be served: a fatal TLS alert, in clear, as before any handshake (RFC 8446 section 6).
// Never throws.

import type { Failure, FailureKind } from "@postern/contracts";

const DECODE_ERROR = 50;
const INTERNAL_ERROR = 80;
const UNRECOGNIZED_NAME = 112;

/** undefined: nothing, the client would not know what it is. The others are told of an internal error. */
const ALERTS: Readonly<Partial<Record<FailureKind, number | undefined>>> = {
  "client-gone": undefined,
  "wrong-protocol": undefined,
  "tls-handshake": DECODE_ERROR,
  "route-refused": UNRECOGNIZED_NAME,
};

/** The record of the alert: bytes below 128, so that any encoding leaves them as they are. "" for none. */
export function alertFor({ kind }: Failure): string {
  const alert = Object.hasOwn(ALERTS, kind) ? ALERTS[kind] : INTERNAL_ERROR;
  return alert === undefined ? "" : String.fromCharCode(21, 3, 3, 0, 2, 2, alert);
}
