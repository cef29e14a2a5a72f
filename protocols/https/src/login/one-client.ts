// NTLM and Negotiate log a connection in, and so all that comes on it. A proxy in front of the gateway that sends requests of
// several clients over one connection would give one user's mailbox to another (RFC 4559 section 6 forbids it to proxies). What
// proxies say of the client (Forwarded, X-Forwarded-For, Via) must therefore stay what it was in the request that logged in. A
// proxy that says nothing cannot be noticed. Never throws.

import { allOf } from "@postern/http";
import type { ClientConnection, Exchange } from "../parts.ts";
import { isConnectionBound } from "./connection-bound.ts";

const SAID = ["forwarded", "x-forwarded-for", "via"] as const;

export class OneClient {
  readonly #said = new WeakMap<ClientConnection, string>();

  /** A login of this connection may be somebody else's than who sent this. */
  isAnother({ client, request: { fields } }: Exchange): boolean {
    const before = this.#said.get(client);
    if (before === undefined && !isConnectionBound(fields)) return false;
    const said = SAID.flatMap((name) => allOf(fields, name)).join("\n");
    if (before === undefined) this.#said.set(client, said);
    return before !== undefined && before !== said;
  }
}
