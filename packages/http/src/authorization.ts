// Reads an Authorization header (RFC 9110 section 11.6.2): Basic (RFC 7617), Bearer (RFC 6750), NTLM and Negotiate
// (RFC 4559, [MS-NTHT]). All four carry a token68; auth-params are not taken. Never quotes what the client sent.
// Throws Failure exchange-malformed, and unknown-mechanism for a scheme that there is not.

import { Failure } from "@postern/contracts";

/** Strongest first: the order in which they are offered. */
export const SCHEMES = ["Negotiate", "NTLM", "Bearer", "Basic"] as const;
export type Scheme = (typeof SCHEMES)[number];

export interface Authorization {
  readonly scheme: Scheme;
  /** What the scheme carries: decoded from base64, but the token of Bearer as it is. */
  readonly data: Buffer;
}

/** A Kerberos ticket grows with the groups that a user is in; Windows stops at 48,000 bytes. */
export const MAX_AUTHORIZATION = 64 * 1024;
const CREDENTIALS = /^([A-Za-z]+) +([A-Za-z0-9\-._~+/]+=*)$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** The one Authorization of a request, given all values of the header (node:http: `headersDistinct`); undefined: none. */
export function parseAuthorization(values: readonly string[] | undefined): Authorization | undefined {
  const [value, second] = values ?? [];
  if (value === undefined) return undefined;
  if (second !== undefined) throw new Failure("exchange-malformed", "Authorization: more than one");
  if (value.length >= MAX_AUTHORIZATION)
    throw new Failure("exchange-malformed", `Authorization: ${value.length} characters; ${MAX_AUTHORIZATION - 1} are allowed`);
  const scheme = schemeOf(value);
  const token = CREDENTIALS.exec(value)?.[2];
  if (token === undefined) throw new Failure("exchange-malformed", `${scheme}: no token behind the scheme's name`);
  return { scheme, data: scheme === "Bearer" ? Buffer.from(token, "latin1") : decoded(scheme, token) };
}

function schemeOf(value: string): Scheme {
  const name = /^([!#$%&'*+\-.^_`|~A-Za-z0-9]+)(?: |$)/.exec(value)?.[1]?.toLowerCase();
  if (name === undefined) throw new Failure("exchange-malformed", "Authorization: no scheme");
  const scheme = SCHEMES.find((known) => known.toLowerCase() === name);
  if (scheme === undefined) throw new Failure("unknown-mechanism", `Authorization: none of ${SCHEMES.join(", ")}`);
  return scheme;
}

function decoded(scheme: Scheme, token: string): Buffer {
  if (!BASE64.test(token)) throw new Failure("exchange-malformed", `${scheme}: not base64`);
  return Buffer.from(token, "base64");
}
