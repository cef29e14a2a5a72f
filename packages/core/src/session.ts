// Opens sessions: an id, the addresses, and everything else not known yet.

import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { plainHost, type Address, type ListenerInfo, type Session } from "@postern/contracts";

/** Random for each process, then counted: unique among nodes, and cheap. */
const PREFIX = randomBytes(6).toString("base64url").replaceAll(/[-_]/g, "x");
let opened = 0;

export function openSession(socket: Socket, listener: ListenerInfo, now: number): Session {
  const peer = addressOf(socket.remoteAddress, socket.remotePort);
  return {
    id: `${PREFIX}${(++opened).toString(36)}`,
    listener,
    startedAt: now,
    stage: "accept",
    peer,
    client: peer,
    local: addressOf(socket.localAddress, socket.localPort),
    tls: undefined,
    attempts: 0,
    errors: 0,
    mechanism: undefined,
    identity: undefined,
    hops: 0,
    software: undefined,
    utf8: false,
    backend: undefined,
    backendAddress: undefined,
    bytesIn: 0,
    bytesOut: 0,
  };
}

const addressOf = (host: string | undefined, port: number | undefined): Address => ({
  host: plainHost(host ?? ""),
  port: port ?? 0,
});
