// Binds a connection to a backend to the connection of the one client that has logged in on it (NTLM, Negotiate): from then on they
// live and die together, and nobody else is served on it. Never throws.

import { legText } from "@postern/contracts";
import type { BackConnection } from "./backends.ts";
import type { ClientConnection } from "./exchange.ts";

export function bindTo(client: ClientConnection, connection: BackConnection): void {
  const { pinned } = client;
  const key = legText(connection.leg);
  if (pinned.get(key) === connection) return;
  pinned.get(key)?.drop();
  pinned.set(key, connection);
  connection.pin(() => {
    if (pinned.get(key) === connection) pinned.delete(key);
    client.closeSoon();
  });
  if (pinned.size > 1) return;
  client.whenClosed(() => {
    for (const each of pinned.values()) each.drop();
  });
}

/** The connection of this client's own at that backend, where it has one. */
export function boundTo({ pinned }: ClientConnection, leg: BackConnection["leg"]): BackConnection | undefined {
  return pinned.size === 0 ? undefined : pinned.get(legText(leg));
}
