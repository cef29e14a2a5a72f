// A request as it goes to a backend: its head as one text, and how its body is framed. The framing is this file's own word:
// whatever the fields say of it is replaced where it does not agree with the body, so that no two readers can see two
// different ends (request smuggling, RFC 9112 section 11.2). Throws Error for fields that would break out of their lines.

import { CHANNEL_METHODS, lowerName, requestText, type Fields } from "@postern/http";
import { bindsConnection } from "../login/connection-bound.ts";
import type { BackRequest } from "../backends.ts";
import type { RequestBody } from "../exchange.ts";

export interface FramedRequest {
  /** With the empty line. */
  readonly text: string;
  readonly isChunked: boolean;
  /** It brings a login that may hold for the connection (NTLM, Negotiate, what nobody knows). */
  readonly logsConnectionIn: boolean;
}

/** A server may refuse these without a length (RFC 9110 section 8.6). */
const EXPECTS_BODY: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH", ...CHANNEL_METHODS.keys()]);

export function framedRequest({ method, target, fields, told }: BackRequest, body: RequestBody | undefined): FramedRequest {
  const isChunked = body !== undefined && body.length === undefined;
  const length = body === undefined ? (EXPECTS_BODY.has(method) ? "0" : undefined) : body.length?.toString();
  let lengths = 0;
  let isRight = true;
  let logsConnectionIn = false;
  for (let index = 0; index < fields.length; index += 2) {
    const value = fields[index + 1] ?? "";
    switch (lowerName(fields[index] ?? "")) {
      case "content-length":
        lengths += 1;
        isRight &&= value === length;
        break;
      case "transfer-encoding":
        isRight = false;
        break;
      case "authorization":
        logsConnectionIn ||= bindsConnection(value);
        break;
    }
  }
  isRight &&= !isChunked && lengths === (length === undefined ? 0 : 1);
  const framed = isRight ? fields : reframed(fields, isChunked, length);
  return { text: requestText(method, target, framed, told), isChunked, logsConnectionIn };
}

function reframed(fields: Fields, isChunked: boolean, length: string | undefined): Fields {
  const framed: string[] = [];
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index] ?? "";
    const lower = lowerName(name);
    if (lower !== "content-length" && lower !== "transfer-encoding") framed.push(name, fields[index + 1] ?? "");
  }
  if (isChunked) framed.push("Transfer-Encoding", "chunked");
  else if (length !== undefined) framed.push("Content-Length", length);
  return framed;
}
