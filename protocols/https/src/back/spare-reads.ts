// A backend may answer early and close while a body is still on its way to it ("413 Content Too Large"). The next write fails
// then, and Node would throw the socket away with the answer in it, unread. Here a write that fails is told of, and the socket
// goes on reading until the system has no more to give.

import type { Socket } from "node:net";

type Done = (error?: Error | null) => void;

/**
 * `spares` is asked when a write fails. True: the error is not the socket's; it takes no more writes, and only destroy() ends
 * it. False: all goes Node's way.
 */
export function spareReads(socket: Socket, spares: () => boolean): void {
  const write = socket._write.bind(socket);
  const writev = socket._writev?.bind(socket);
  // A stream has one write at a time under way.
  let next: Done = () => {};
  const done: Done = (error) => {
    if (error === undefined || error === null || !spares()) next(error);
  };
  socket._write = (chunk, encoding, callback) => {
    next = callback;
    write(chunk, encoding, done);
  };
  if (writev === undefined) return;
  socket._writev = (chunks, callback) => {
    next = callback;
    writev(chunks, done);
  };
}
