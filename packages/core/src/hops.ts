// What gateways tell each other of a client, whatever the protocol's words for it: how many more may follow (so that two
// that point at each other stop), and where the client really is. Failure: route-loop.

import { isIP } from "node:net";
import { addressText, Failure, plainHost, type Address, type Session } from "@postern/contracts";

/** A client may pass this many gateways. */
const MAX_HOPS = 5;

/** Takes the time to live that a gateway in front sent. Believed from anybody: a lie hurts only who tells it. */
export function takeTtl(session: Session, text: string | null | undefined): void {
  if (typeof text !== "string" || !/^\d{1,3}$/.test(text)) return;
  session.hops = Math.max(0, MAX_HOPS - Number(text));
}

/** The time to live for the backend. Failure: route-loop when the client has come through too many gateways. */
export function ttlFor(session: Session): string {
  const ttl = MAX_HOPS - session.hops - 1;
  if (ttl < 1) throw new Failure("route-loop", `${addressText(session.client)} came through ${session.hops} gateways already`);
  return String(ttl);
}

/** An address that a gateway in front reports; undefined unless this session's peer is trusted and it is well-formed. */
export function reportedAddress(
  session: Session,
  host: string | null | undefined,
  port: string | null | undefined,
): Address | undefined {
  if (!session.listener.trusts(session.peer.host) || typeof host !== "string" || isIP(host) === 0) return undefined;
  const number = Number(port ?? 0);
  return { host: plainHost(host), port: Number.isInteger(number) && number >= 0 && number <= 65_535 ? number : 0 };
}
