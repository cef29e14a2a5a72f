// TLS towards a client, from the first byte or by STARTTLS, with what becomes known by it noted in the session.

import type { Socket } from "node:net";
import { Failure } from "@postern/contracts";
import { tlsFacts, type TlsServer } from "@postern/net";
import type { Visit } from "./visit.ts";

/** Puts TLS on a plain, paused socket. Failure: tls-handshake, tls-client-certificate, internal (no certificate). */
export function secureWith(
  tls: TlsServer | undefined,
  { listener, session }: Visit,
): (plain: Socket) => ReturnType<TlsServer["secure"]> {
  return async (plain) => {
    if (tls === undefined) throw new Failure("internal", "There is no certificate for this listener");
    const secured = await tls.secure(plain, listener.protocol.alpn, listener.clientCertificate);
    session.tls = tlsFacts(secured, listener.clientCertificate);
    return secured;
  };
}
