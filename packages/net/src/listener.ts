// A bound address that hands over accepted sockets, paused and with nothing read. Never reads, never writes.

import { createServer, type ListenOptions, type Server, type Socket } from "node:net";

export interface Listening {
  /** The real port, where 0 was asked for; 0 for a unix socket. */
  readonly port: number;
  /** Stops accepting; sessions that are running go on. */
  close(): Promise<void>;
}

/** Where to listen: Node's own options, a path, or an inherited descriptor. */
export type ListenTarget = ListenOptions | { readonly fd: number };

/** Starts to listen; rejects with the system's error (EADDRINUSE, EACCES …). */
export function listen(
  target: ListenTarget,
  onSocket: (socket: Socket) => void,
  onError: (error: Error) => void,
): Promise<Listening> {
  const server = createServer(
    { pauseOnConnect: true, allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 120_000 },
    onSocket,
  );
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(target, () => {
      server.off("error", reject);
      server.on("error", onError);
      resolve({ port: portOf(server), close: () => closed(server) });
    });
  });
}

function portOf(server: Server): number {
  const address = server.address();
  return address === null || typeof address === "string" ? 0 : address.port;
}

function closed(server: Server): Promise<void> {
  // The callback waits for the last connection; what matters here is that accepting has stopped, which is at once.
  server.close();
  return Promise.resolve();
}
