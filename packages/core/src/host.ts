// The other way through the house: a protocol that answers its clients itself takes the socket over behind PROXY header and
// TLS, and keeps it until the client is gone. The path (path.ts) has done all before it, and ends the visit afterwards.

import type { Socket } from "node:net";
import { toFailure, type Clock } from "@postern/contracts";
import type { RelayEnd } from "@postern/net";
import { secureWith } from "./secure.ts";
import type { HostedVisit } from "./visit.ts";

/** Resolves when the client is gone. Failure: tls-handshake …, limits, and what the protocol ends with. */
export async function host(socket: Socket, visit: HostedVisit, place: Promise<unknown>): Promise<RelayEnd> {
  const { house, listener, session, trace } = visit;
  const tls = listener.tls();
  const secure = secureWith(tls, visit);
  const ready = listener.info.tls === "implicit" ? await beforeTimeout(socket, visit, () => secure(socket)) : socket;
  session.stage = "limits";
  try {
    await place;
  } catch (error) {
    await sayGoodbye(ready, listener.protocol.refusal(toFailure(error)), house.clock);
    throw error;
  }
  session.stage = "serve";
  visit.hosted = listener.protocol.host(ready, session, {
    secure: listener.info.tls === "starttls" && tls !== undefined ? secure : undefined,
    trace: trace === undefined ? undefined : (direction, text) => trace.line(direction, text),
  });
  const { ending, reason, failure } = await visit.hosted.over;
  if (failure !== undefined) throw failure;
  return { ending, reason };
}

/** A client that was refused may take so long to read why. */
const GOODBYE_MS = 2000;

function sayGoodbye(socket: Socket, words: string, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.after(GOODBYE_MS, resolve);
    socket.once("close", () => {
      timer.cancel();
      resolve();
    });
    socket.on("error", () => {});
    socket.resume();
    socket.end(words);
  });
}

async function beforeTimeout<T>(socket: Socket, { house, session }: HostedVisit, work: () => Promise<T>): Promise<T> {
  const slow = house.clock.after(session.startedAt + house.login.timeoutMs - house.clock.now(), () => socket.destroy());
  try {
    return await work();
  } finally {
    slow.cancel();
  }
}
