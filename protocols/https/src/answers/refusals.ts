// How a failure is told to a web client: a status for every kind, so that a new kind does not compile without one, and the
// service's own way of telling it. A backend that is away is 502, 503 or 504 and never 500; a program learns when to come back;
// a person gets a small page. Nothing of the inside is told: the public sentence of the failure, and the request's id.
//
// Phones take 401, 403 and 500 for a reason to set themselves up anew, and Outlook over MAPI takes 401, 500 and 302 for one to
// ask for a password ([MS-ASHTTP] 3.2.5.1, [MS-OXCMAPIHTTP] 3.1.5.7): to both, all that is our own trouble is 503.

import { randomInt } from "node:crypto";
import type { Failure, FailureKind } from "@postern/contracts";
import { hasField, type Fields } from "@postern/http";
import type { Exchange } from "../exchange.ts";
import type { Service } from "../parts.ts";
import { ownFields, reasonOf, say, sayText } from "./local.ts";
import { sayRpcError } from "./rpc-error.ts";
import { PAGE_FIELDS, pageText, wantsPage } from "./page.ts";

interface Refusal {
  readonly status: number;
  /** Seconds; come back later, when it may be better. 0: nothing gets better by waiting. */
  readonly retry: number;
}

const row = (status: number, retry = 0): Refusal => ({ status, retry });
/** Who is there must be shown first. It becomes 403 where nobody hands in what to show (RFC 9110 section 15.5.2). */
const LOGIN = row(401);
const FORBIDDEN = row(403);

const REFUSALS: Readonly<Record<FailureKind, Refusal>> = {
  "client-gone": row(400),
  "proxy-header": row(400),
  "tls-handshake": row(400),
  "tls-client-certificate": FORBIDDEN,
  "login-timeout": row(408),
  "line-too-long": row(431),
  "literal-too-large": row(413),
  "bytes-behind-starttls": row(400),
  "wrong-protocol": row(400),
  "too-many-errors": row(400),
  syntax: row(400),
  "unknown-command": row(501),
  "not-now": row(400),
  "plaintext-refused": FORBIDDEN,
  "unknown-mechanism": LOGIN,
  "exchange-cancelled": LOGIN,
  "exchange-malformed": LOGIN,
  "wrong-credentials": LOGIN,
  "not-authorized": FORBIDDEN,
  "credentials-expired": LOGIN,
  "verifier-down": row(503, 20),
  "too-many-failures": row(429, 60),
  "too-many-connections": row(503, 20),
  "too-many-from-address": row(429, 20),
  "too-many-of-user": row(429, 20),
  "unknown-user": LOGIN,
  "source-down": row(503, 20),
  "route-refused": FORBIDDEN,
  "route-loop": row(502, 120),
  "no-candidate": row(503, 20),
  "backend-unreachable": row(503, 20),
  "backend-silent": row(504, 20),
  "backend-tls": row(502, 60),
  "backend-plaintext": row(502, 120),
  "backend-garbled": row(502, 20),
  "backend-lost": row(502, 5),
  "backend-mechanism": row(502, 120),
  "backend-unavailable": row(503, 20),
  "backend-busy": row(503, 10),
  "backend-limit": row(429, 20),
  "shutting-down": row(503, 5),
  kicked: row(503, 20),
  idle: row(408),
  internal: row(500, 20),
};

/** Those who never get another status for our trouble, or for too much of theirs. */
const ALWAYS_503: ReadonlySet<Service["refusals"]> = new Set(["activesync", "mapi"]);

/**
 * Answers with a failure, in the service's way; an answer that has begun is cut. `fields`: what goes with it, such as
 * WWW-Authenticate and the last word of a login.
 */
export function refuse(
  exchange: Exchange,
  failure: Failure,
  service: Pick<Service, "refusals"> | undefined,
  fields: Fields = [],
): void {
  const { request } = exchange;
  const refusal = refusalOf(failure, service?.refusals, hasField(fields, "www-authenticate"));
  const all = [...fields, ...retryAfter(failure, refusal)];
  if (service?.refusals === "rpc" && refusal.status !== 401 && exchange.answer.status === undefined)
    return sayRpcError(exchange, failure, fields);
  if (service?.refusals !== "page" || !wantsPage(request)) return sayText(exchange, refusal.status, sentenceOf(failure), all);
  const page = pageText({ title: titleOf(refusal.status), sentences: [sentenceOf(failure)], id: request.id });
  say(exchange, refusal.status, [...all, ...PAGE_FIELDS], page);
}

/** The body of a request is larger than its service takes. */
export function tellTooLarge(exchange: Exchange): void {
  sayText(exchange, 413, "The body of the request is too large.");
}

/** For a client that is not taken in at all: a whole answer in HTTP/1.1, behind which the connection ends. */
export function refusalText(failure: Failure): string {
  const refusal = refusalOf(failure, undefined, false);
  const body = `${sentenceOf(failure)}\n`;
  const fields = [
    ...retryAfter(failure, refusal),
    "Content-Type",
    "text/plain; charset=utf-8",
    ...ownFields([]),
    "Content-Length",
    String(Buffer.byteLength(body)),
    "Connection",
    "close",
  ];
  const lines = fields.map((text, index) => (index % 2 === 0 ? `${text}: ` : `${text}\r\n`));
  return `HTTP/1.1 ${refusal.status} ${reasonOf(refusal.status)}\r\n${lines.join("")}\r\n${body}`;
}

/** The status of a failure; `style`: of the service. 401 becomes 403 where the gateway does not ask for logins itself. */
export function statusOf(failure: Failure, style: Service["refusals"]): number {
  return refusalOf(failure, style, true).status;
}

function refusalOf({ kind }: Failure, style: Service["refusals"] | undefined, isChallenged: boolean): Refusal {
  const refusal = REFUSALS[kind];
  if (refusal.status === 401 && !isChallenged) return FORBIDDEN;
  if (style === undefined || !ALWAYS_503.has(style)) return refusal;
  return refusal.status === 429 || refusal.status >= 500 ? row(503, refusal.retry || 20) : refusal;
}

/** Spread over half as much again: those who were refused together do not come back together. */
function retryAfter({ waitMs }: Failure, { retry }: Refusal): Fields {
  if (retry === 0) return [];
  const seconds = Math.max(retry, Math.ceil(waitMs / 1000));
  return ["Retry-After", String(seconds + randomInt(Math.ceil(seconds / 2) + 1))];
}

/** Where a failure's public sentence speaks of mail's dialogues. */
const WEB_WORDS: Partial<Record<FailureKind, string>> = { syntax: "The request is not understood" };

/** Failures end without a full stop; a person reads a sentence. */
const sentenceOf = ({ kind, row: { public: text } }: Failure): string => `${WEB_WORDS[kind] ?? text}.`;

function titleOf(status: number): string {
  if (status >= 500) return "Mail is not available now";
  return status === 429 ? "Too many requests" : "This is not possible";
}
