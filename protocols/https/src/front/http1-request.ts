// What the head of a request in HTTP/1.1 says to the front: pure, no socket. Throws HttpProblem: what the client is told.
// RFC 9112; RFC 9110 sections 7.8 (Upgrade) and 10.1.1 (Expect).

import {
  hasField,
  HttpProblem,
  listOf,
  originForm,
  parseRequestHead,
  requestFraming,
  type Fields,
  type Framing,
  type HeadLimits,
} from "@postern/http";

/** What an upgrade may lead to. */
export const WEBSOCKET = "websocket";

export interface ReadRequest {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  readonly authority: string;
  readonly version: "1.0" | "1.1";
  readonly fields: Fields;
  readonly framing: Framing;
  /** The client would go on with this connection. */
  readonly staysOpen: boolean;
  /** The client waits for 100 Continue before it sends the body. */
  readonly waitsForContinue: boolean;
  readonly upgrade: string | undefined;
}

export function readRequest(text: string, limits: HeadLimits): ReadRequest {
  const head = parseRequestHead(text, limits);
  const framing = requestFraming(head);
  const { target, authority, host } = originForm(head);
  const { method, fields, minor } = head;
  const isNew = minor === 1;
  const connection = listOf(fields, "connection");
  const hasBody = bodyFollows(framing);
  return {
    method,
    target,
    host,
    authority,
    version: isNew ? "1.1" : "1.0",
    fields,
    framing,
    staysOpen: isNew ? !connection.includes("close") : connection.includes("keep-alive") && !connection.includes("close"),
    waitsForContinue: isNew && expectsContinue(fields) && hasBody,
    upgrade: isNew && !hasBody && connection.includes("upgrade") ? upgradeOf(fields) : undefined,
  };
}

export const bodyFollows = (framing: Framing): boolean =>
  framing.kind === "chunked" || (framing.kind === "length" && framing.length > 0);

function expectsContinue(fields: Fields): boolean {
  if (!hasField(fields, "expect")) return false;
  const expected = listOf(fields, "expect");
  if (expected.length !== 1 || expected[0] !== "100-continue") throw new HttpProblem(417, "only 100-continue can be expected");
  return true;
}

/**
 * A wish for WebSocket is passed on; with any other the request goes on without. Whoever could speak another HTTP behind it
 * (h2c) would be past all rules, and HTTP/2 is had by TLS alone.
 */
function upgradeOf(fields: Fields): string | undefined {
  const [wish, another] = listOf(fields, "upgrade");
  return wish === WEBSOCKET && another === undefined ? wish : undefined;
}
