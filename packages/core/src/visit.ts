// What one visit of a client holds while it walks the path, and how it is given back: connections, places under limits, its
// entry in the registry, its trace. The path (path.ts) decides; nothing here talks to anybody.

import type { Socket } from "node:net";
import type { Ending, Failure, Hosted, Place, Session } from "@postern/contracts";
import type { Connection, Relay } from "@postern/net";
import type { HostedListener, House, LineListener, ListenerHouse, SessionTrace } from "./house.ts";

/** Everything that one visit holds, and that its end gives back. */
interface Held {
  readonly house: House;
  readonly session: Session;
  readonly places: Place[];
  readonly trace: SessionTrace | undefined;
  client: Connection | undefined;
  backend: Connection | undefined;
  relay: Relay | undefined;
  /** In place of client, backend and relay, where the protocol answers by itself. */
  hosted: Hosted | undefined;
  /** The failure that the client was told already. */
  answered: Failure | undefined;
  /** The end has come: a place that is granted now goes back at once. */
  closed: boolean;
  /** Set when the session is ended from outside before the relay runs. */
  ending: Ending | undefined;
}

export type LineVisit = Held & { readonly listener: LineListener };
export type HostedVisit = Held & { readonly listener: HostedListener };
export type Visit = LineVisit | HostedVisit;

export const isHosted = (visit: Visit): visit is HostedVisit => "host" in visit.listener.protocol;

/** Hangs up on a backend that is not, or no more, this visit's. */
export function dropBackend(visit: Visit): void {
  visit.backend?.destroy();
  visit.backend = undefined;
}

/** A visit that holds nothing yet. */
export function openVisit(session: Session, listener: ListenerHouse, house: House): Visit {
  const trace = house.traceOf(session);
  return {
    house,
    // Which of the two visits it is, the listener says.
    listener: listener as LineListener,
    session,
    places: [],
    trace,
    client: undefined,
    backend: undefined,
    relay: undefined,
    hosted: undefined,
    answered: undefined,
    closed: false,
    ending: undefined,
  };
}

/** From here on the session is listed, and can be ended from outside. */
export function register(visit: Visit, socket: Socket): void {
  const { house, listener, session } = visit;
  house.registry.add({
    session,
    bytes: () => visit.relay?.bytes ?? visit.hosted?.bytes,
    halfClosed: () => visit.relay?.halfClosed === true || visit.hosted?.halfClosed === true,
    clientWaits: () => visit.relay?.clientWaits === true || visit.hosted?.owes === true,
    idleMs: house.idleMs(listener.protocol.name),
    end(ending, failure) {
      visit.ending = ending;
      if (visit.hosted !== undefined) visit.hosted.end(ending, failure);
      else if (visit.relay !== undefined && "farewell" in listener.protocol)
        visit.relay.interrupt(ending, failure === undefined ? "" : listener.protocol.farewell(failure));
      else if (visit.client !== undefined && failure !== undefined) visit.client.fail(failure);
      else socket.destroy();
    },
    cut() {
      visit.hosted?.cut();
      visit.relay?.destroy();
      visit.client?.destroy();
      visit.backend?.destroy();
      socket.destroy();
    },
  });
}

/** Keeps a place until the end. It may be granted after the end: the limits are asked while TLS begins. */
export function keep(place: Place, visit: Visit): void {
  if (visit.closed) place.release();
  else visit.places.push(place);
}

/** Gives everything back. */
export function close(visit: Visit, socket: Socket): void {
  const { house, session, relay, client, backend } = visit;
  if (relay !== undefined) {
    session.bytesIn = relay.bytesIn;
    session.bytesOut = relay.bytesOut;
  } else {
    if (client === undefined) socket.destroy();
    else client.close(house.clock);
    backend?.destroy();
  }
  visit.closed = true;
  for (const place of visit.places) place.release();
  house.registry.remove(session);
  visit.trace?.close();
}
