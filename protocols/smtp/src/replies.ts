// The words for each failure: a reply code and an enhanced status code (RFC 5321 section 4.2, RFC 3463, RFC 4954 section 6),
// and what a backend's reply codes to a login mean here.

import type { Failure, FailureKind } from "@postern/contracts";
import { oneLine } from "@postern/core";

interface Reply {
  /** Reply code and enhanced status code; undefined: nothing is said, the connection is closed. */
  readonly code: string | undefined;
  /** The code and words of the backend, or of the route source that refused, may be told. */
  readonly relay?: boolean;
}

const SILENT: Reply = { code: undefined };
const says = (code: string): Reply => ({ code });
const relays = (code: string): Reply => ({ code, relay: true });
/** RFC 4954 section 6: the login failed for a while only. */
const TEMP = says("454 4.7.0");

export const REPLIES: Readonly<Record<FailureKind, Reply>> = {
  "client-gone": SILENT,
  "proxy-header": SILENT,
  "tls-handshake": SILENT,
  "tls-client-certificate": SILENT,
  "login-timeout": says("421 4.4.2"),
  "line-too-long": says("500 5.5.6"),
  "literal-too-large": says("552 5.3.4"),
  "bytes-behind-starttls": SILENT,
  "wrong-protocol": SILENT,
  "too-many-errors": says("421 4.7.0"),
  syntax: says("501 5.5.4"),
  "unknown-command": says("500 5.5.2"),
  "not-now": says("503 5.5.1"),
  "plaintext-refused": says("538 5.7.11"),
  "unknown-mechanism": says("504 5.5.4"),
  "exchange-cancelled": says("501 5.7.0"),
  "exchange-malformed": says("501 5.5.2"),
  "wrong-credentials": relays("535 5.7.8"),
  "not-authorized": relays("550 5.7.1"),
  "credentials-expired": relays("535 5.7.8"),
  "verifier-down": TEMP,
  "too-many-connections": says("421 4.3.2"),
  "too-many-from-address": says("421 4.7.0"),
  "too-many-failures": says("421 4.7.0"),
  "too-many-of-user": TEMP,
  "unknown-user": says("535 5.7.8"),
  "source-down": TEMP,
  "route-refused": relays("535 5.7.8"),
  "route-loop": says("554 5.4.6"),
  "no-candidate": TEMP,
  "backend-unreachable": TEMP,
  "backend-silent": TEMP,
  "backend-tls": TEMP,
  "backend-plaintext": TEMP,
  "backend-garbled": TEMP,
  "backend-lost": TEMP,
  "backend-mechanism": says("504 5.7.4"),
  "backend-unavailable": relays("454 4.7.0"),
  "backend-busy": relays("454 4.7.0"),
  "backend-limit": relays("454 4.7.0"),
  "shutting-down": says("421 4.3.2"),
  kicked: says("421 4.3.2"),
  idle: says("421 4.4.2"),
  internal: says("421 4.3.0"),
};

/** A no; 421 would say that the connection is closed, which is ours to say. */
const NO = /^(?!421)([45])\d\d( \1\.\d{1,3}\.\d{1,3})?$/;

/** The reply line; "" when nothing is to be said. `instead` stands for the code and words of the table. */
export function refusal(failure: Failure, instead?: string): string {
  const { code, relay } = REPLIES[failure.kind];
  if (code === undefined) return "";
  if (instead !== undefined) return `${instead}\r\n`;
  const said = relay === true ? failure.said : undefined;
  return `${codeOf(said?.code) ?? code} ${oneLine(said?.text || failure.row.public)}\r\n`;
}

/** A foreign code that may stand in our reply, made complete. */
function codeOf(code: string | undefined): string | undefined {
  const match = NO.exec(code ?? "");
  if (match === null) return undefined;
  return match[2] === undefined ? `${match[0]} ${match[1] ?? ""}.0.0` : match[0];
}

/** What a backend's no to our login means, where its first digit does not tell. RFC 4954 sections 4 and 6. */
const KIND_OF_CODE: Readonly<Record<string, FailureKind>> = {
  "432": "credentials-expired",
  "535": "wrong-credentials",
  "500": "backend-mechanism",
  "501": "backend-mechanism",
  "502": "backend-mechanism",
  "503": "backend-mechanism",
  "504": "backend-mechanism",
  "530": "backend-mechanism",
  "534": "backend-mechanism",
  "538": "backend-mechanism",
};

/** The kind of a backend's no, by its three digits. */
export function kindOfCode(code: string): FailureKind {
  return KIND_OF_CODE[code] ?? (code.startsWith("5") ? "not-authorized" : "backend-unavailable");
}
