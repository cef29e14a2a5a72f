// Opens sessions: an id, the addresses, and everything else not known yet.

import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { newSession, plainHost, type Address, type ListenerInfo, type Session } from "@postern/contracts";

/** Random for each process, then counted: unique among nodes, and cheap. */
const PREFIX = randomBytes(6).toString("base64url").replaceAll(/[-_]/g, "x");
let opened = 0;

export function openSession(socket: Socket, listener: ListenerInfo, now: number): Session {
  return newSession({
    id: `${PREFIX}${(++opened).toString(36)}`,
    listener,
    startedAt: now,
    stage: "accept",
    client: addressOf(socket.remoteAddress, socket.remotePort),
    local: addressOf(socket.localAddress, socket.localPort),
  });
}

const addressOf = (host: string | undefined, port: number | undefined): Address => ({
  host: plainHost(host ?? ""),
  port: port ?? 0,
});
