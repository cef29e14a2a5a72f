// The reads of a connection to a server: from the next turn on, into large buffers that go round (packages/net own-reads.ts).

import type { Socket } from "node:net";
import { readBy, type Reader } from "@postern/core";

/** `socket`: connected, and nobody has read from it. Whoever has paused it meanwhile resumes it. */
export function readSoon(socket: Socket, reader: Reader): void {
  process.nextTick(() => {
    readBy(socket, reader, "window");
    if (!socket.isPaused()) socket.resume();
  });
}
