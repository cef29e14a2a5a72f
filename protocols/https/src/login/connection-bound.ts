// Which logins belong to a connection and not to a request: NTLM, and Negotiate around it ([MS-NTHT], RFC 4559 section 6). From
// the first such request or answer on, the backend's connection serves this client's connection alone until either ends; given
// to anybody else it would give them this user's mailbox. In doubt a scheme is taken for one of those: that costs a connection,
// and nothing else. Pure functions; they never throw.

import { allOf, firstOf, type AnswerHead, type Fields } from "@postern/http";

/** Each request brings its own login. */
const PER_REQUEST: ReadonlySet<string> = new Set(["basic", "bearer", "digest"]);

/** The scheme of an Authorization, in small letters. */
export function schemeOf(value: string): string {
  const end = value.search(/[ \t]/);
  return (end === -1 ? value : value.slice(0, end)).toLowerCase();
}

/** This Authorization may log the connection in, and not the request alone. */
export const bindsConnection = (authorization: string): boolean => !PER_REQUEST.has(schemeOf(authorization));

/** The request carries a login that may hold for its connection. */
export function isConnectionBound(fields: Fields): boolean {
  const first = firstOf(fields, "authorization");
  if (first === undefined) return false;
  return bindsConnection(first) || allOf(fields, "authorization").length > 1;
}

/** One of these among challenges, with or without a token. Quoted texts are not told apart: a realm of that name binds too. */
const ASKS = /(?:^|[,\s])(?:ntlm|negotiate|kerberos|nego2)(?:$|[,\s])/i;

/** The answer asks for such a login, is a part of one, or says that there is one. */
export function becomesBound({ fields }: Pick<AnswerHead, "fields">): boolean {
  if (firstOf(fields, "persistent-auth")?.toLowerCase() === "true") return true;
  if (firstOf(fields, "proxy-support")?.toLowerCase() === "session-based-authentication") return true;
  if (firstOf(fields, "www-authenticate") === undefined) return false;
  return allOf(fields, "www-authenticate").some((value) => ASKS.test(value));
}

/**
 * Such a login cannot be on a connection that several users share (HTTP/2): the client is asked to come again over HTTP/1.1.
 * `answer`: the backend's, once it is there.
 */
export function needsOwnConnection(isShared: boolean, request: Fields, answer?: Pick<AnswerHead, "fields">): boolean {
  return isShared && (isConnectionBound(request) || (answer !== undefined && becomesBound(answer)));
}
