// The ends of a socket, told to whoever owns it. The handlers are shared by all sockets, so that a connection costs no
// closures.

import type { Socket } from "node:net";

/** Who wants to know that the peer sends no more. */
export interface Owner {
  gone(reason: string, cause?: Error): void;
}

const OWNER = Symbol("owner");

interface Owned extends Socket {
  [OWNER]?: Owner | undefined;
}

export function watch(socket: Owned, owner: Owner): void {
  socket[OWNER] = owner;
  socket.on("end", onEnd);
  socket.on("error", onError);
  socket.on("close", onClose);
}

export function unwatch(socket: Owned): void {
  socket[OWNER] = undefined;
  socket.off("end", onEnd);
  socket.off("error", onError);
  socket.off("close", onClose);
}

function onEnd(this: Owned): void {
  this[OWNER]?.gone("closed the connection");
}

function onError(this: Owned, error: Error): void {
  this[OWNER]?.gone(error.message, error);
}

function onClose(this: Owned): void {
  this[OWNER]?.gone("connection lost");
}
