// A plain DCE/RPC server on TCP for tests, on loopback: its answers prove that every octet of a call came as it was sent. What it does
// not understand is kept in `errors`, and its connection is cut. Stopped by its handle.

import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { EchoRpc } from "./echo-rpc.ts";
import { PduSplitter } from "./pdus.ts";

export interface EchoRpcServer {
  readonly port: number;
  /** What clients did wrong. */
  readonly errors: readonly string[];
  /** The connections that are open. */
  connections(): readonly EchoRpcConnection[];
  /** How many there were so far. */
  readonly accepted: number;
  /** Cuts them all. */
  cut(): void;
  /** Safe to call more than once. */
  stop(): Promise<void>;
}

export interface EchoRpcConnection {
  readonly group: number;
  readonly calls: number;
  readonly bytesIn: number;
  cut(): void;
}

/** Resolves when it takes connections. */
export async function startEchoRpcServer(): Promise<EchoRpcServer> {
  const errors: string[] = [];
  const open = new Map<Socket, EchoRpcConnection>();
  const counts = { accepted: 0, groups: 0x1000 };
  const server = createServer({ noDelay: true }, (socket) => {
    counts.accepted += 1;
    const nextGroup = (): number => (counts.groups += 1);
    const rpc = new EchoRpc({ port: (server.address() as AddressInfo).port, nextGroup });
    open.set(socket, {
      get group() {
        return rpc.group;
      },
      get calls() {
        return rpc.calls;
      },
      get bytesIn() {
        return socket.bytesRead;
      },
      cut: () => void socket.resetAndDestroy(),
    });
    // Who asks may leave as it likes.
    socket.on("error", () => {});
    socket.once("close", () => open.delete(socket));
    serve(socket, rpc, (error) => errors.push(error));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = (): void => {
    for (const connection of open.values()) connection.cut();
  };
  return {
    port: (server.address() as AddressInfo).port,
    errors,
    connections: () => [...open.values()],
    get accepted() {
      return counts.accepted;
    },
    cut,
    async stop() {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      cut();
      await closed;
    },
  };
}

function serve(socket: Socket, rpc: EchoRpc, failed: (error: string) => void): void {
  const splitter = new PduSplitter();
  socket.on("data", (chunk: Buffer) => {
    try {
      for (const pdu of splitter.feed(chunk)) socket.write(rpc.take(pdu));
    } catch (error) {
      failed(String(error));
      socket.destroy();
    }
    if (socket.writableNeedDrain) socket.pause();
  });
  socket.on("drain", () => socket.resume());
}
