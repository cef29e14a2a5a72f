// What a backend is told of the client, in the names that backends know: X-Forwarded-For and its kin, Forwarded (RFC 7239). It is the
// same for all requests of a connection that ask for the same host, so it is written once, and kept with that connection alone. Never
// throws.

import type { Session } from "@postern/contracts";
import { allOf, ReadyLines, withoutFields, type Fields } from "@postern/http";
import type { ClientConnection, HttpRequest } from "./exchange.ts";

/** Ready to be sent. `remoteUser`: the field that names the user; nothing of this may stand in its place. */
export function toldLines(client: ClientConnection, request: HttpRequest, remoteUser: string): ReadyLines {
  const { session } = client;
  const { authority } = request;
  if (client.told?.authority === authority) return client.told.lines;
  // A gateway of ours speaks for many clients: what it says is another thing with each request.
  if (session.listener.trusts(session.client.host)) return linesOf(toldFields(request, session, true), remoteUser);
  const lines = linesOf(toldFields(request, session, false), remoteUser);
  client.told = { authority, lines };
  return lines;
}

function linesOf(fields: Fields, remoteUser: string): ReadyLines {
  // Behind CGI a backend cannot tell "_" from "-".
  const named = remoteUser.toLowerCase().replaceAll("_", "-");
  return new ReadyLines(withoutFields(fields, (lower) => lower === named));
}

/** `isTrusted`: the peer is a gateway of ours: what it says in X-Forwarded-For is kept. */
export function toldFields({ fields: said, authority }: HttpRequest, session: Session, isTrusted: boolean): Fields {
  const { host } = session.client;
  const before = isTrusted ? earlier(said) : "";
  const proto = session.tls === undefined ? "http" : "https";
  const fields = ["X-Forwarded-For", before === "" ? host : `${before}, ${host}`, "X-Forwarded-Proto", proto];
  if (authority !== "") fields.push("X-Forwarded-Host", authority);
  fields.push("X-Forwarded-Port", String(session.local.port));
  fields.push("Forwarded", `for=${nodeName(host)};proto=${proto}${authority === "" ? "" : `;host="${authority}"`}`);
  fields.push("X-Real-IP", host);
  return fields;
}

/** RFC 7239 section 6: IPv6 in brackets and quotes. A socket file has no address. */
function nodeName(host: string): string {
  if (host === "") return "unknown";
  return host.includes(":") ? `"[${host}]"` : host;
}

/** What a gateway of ours said before, without what could not be an address. */
function earlier(fields: Fields): string {
  return allOf(fields, "x-forwarded-for")
    .join(",")
    .split(",")
    .map((one) => one.trim())
    .filter((one) => /^[0-9A-Fa-f.:[\]]{2,64}$/.test(one))
    .slice(-10)
    .join(", ");
}
