// NTLM and Negotiate log a connection in, and so all that comes on it. A proxy in front of the gateway that sends requests of
// several clients over one connection would give one user's mailbox to another (RFC 4559 section 6 forbids it to proxies). So a
// login ends where what proxies say of the client (Forwarded, X-Forwarded-For, Via) is not what it was in the request that logged
// in: the other client is served like one who has just come. A proxy that says nothing cannot be noticed. Never throws.

import { allOf, type Fields } from "@postern/http";
import type { ClientConnection, Exchange } from "../exchange.ts";
import { isConnectionBound } from "./connection-bound.ts";

const SAID = ["forwarded", "x-forwarded-for", "via"] as const;
const saidIn = (fields: Fields): string => SAID.flatMap((name) => allOf(fields, name)).join("\n");

export class OneClient {
  /** What was said of who logged in. */
  readonly #said = new WeakMap<ClientConnection, string>();

  /** Ends the login of this connection where somebody else speaks now. */
  check({ client, request: { fields } }: Exchange): void {
    if (client.isShared) return;
    const before = this.#said.get(client);
    const isBound = isConnectionBound(fields);
    if (before === undefined && !isBound) return;
    const said = saidIn(fields);
    if (before !== undefined && before !== said) forget(client);
    if (isBound) this.#said.set(client, said);
    else if (before !== said) this.#said.delete(client);
  }
}

/** The connection ends behind this answer, too, if a backend's was bound to it. */
function forget(client: ClientConnection): void {
  client.auth?.close();
  client.auth = undefined;
  const pinned = [...client.pinned.values()];
  client.pinned.clear();
  for (const each of pinned) each.drop();
}
