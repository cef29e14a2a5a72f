// Where secrets may go as they are: inside TLS, on loopback, or where the configuration says so; for the client's side and for
// the backend's. Failure: plaintext-refused, backend-plaintext.

import { Failure, isLoopback, legText, type Leg, type Session } from "@postern/contracts";

export function plaintextAllowed({ tls, listener, client }: Session): boolean {
  return tls !== undefined || listener.allowPlaintext || isLoopback(client.host);
}

export function requireSafeClient(session: Session, what: string): void {
  if (!plaintextAllowed(session)) throw new Failure("plaintext-refused", `${what} without TLS`);
}

export function requireSafeLeg(leg: Leg): void {
  if (leg.tls !== "none" || leg.allowPlaintext || isLoopback(leg.host)) return;
  throw new Failure(
    "backend-plaintext",
    `${legText(leg)}: credentials are not sent without TLS off loopback; use TLS or allowPlaintext`,
  );
}
