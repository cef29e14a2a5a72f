// The login state of a client's connection at the edge (ConnectionAuth), made when it is first asked for. Where users share a
// connection (HTTP/2) nothing is kept of anybody, and only schemes that come with each request are offered.

import type { MechanismContext } from "@postern/contracts";
import { ConnectionAuth, HTTP_MECHANISMS } from "@postern/http";
import type { ClientConnection } from "../exchange.ts";
import type { HttpsParts } from "../parts.ts";
import { plaintextAllowed } from "./plaintext.ts";

type StateParts = Pick<HttpsParts, "hostname" | "schemes" | "settings" | "clock" | "authenticator">;

export function authOf(client: ClientConnection, parts: StateParts): ConnectionAuth {
  if (client.isShared) return newAuth(client, parts);
  const { auth } = client;
  if (auth !== undefined) return auth;
  const made = newAuth(client, parts);
  client.auth = made;
  client.whenClosed(() => made.close());
  return made;
}

function newAuth(client: ClientConnection, parts: StateParts): ConnectionAuth {
  const { schemes, settings } = parts;
  const offered = client.isShared ? schemes.filter((scheme) => HTTP_MECHANISMS[scheme].begins === undefined) : schemes;
  const allowPlaintext = plaintextAllowed(client.session);
  return new ConnectionAuth({ offered, realm: settings.realm, allowPlaintext, context: contextOf(client, parts) });
}

function contextOf(client: ClientConnection, parts: StateParts): MechanismContext {
  const { hostname, schemes, authenticator, clock } = parts;
  const certificate = client.session.tls?.clientCertificate;
  return {
    hostname,
    service: "HTTP",
    proofs: authenticator.proofs,
    bindings: (type) => client.bindings?.(type),
    offers: (name) => schemes.some((scheme) => scheme === name),
    certificate: certificate?.verify === "SUCCESS" ? certificate : undefined,
    now: () => clock.now(),
  };
}
