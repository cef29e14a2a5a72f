// Where channels that are passed on come in and go out. Between workers of a node: a unix socket in a folder that only this user can
// enter. Between nodes: TLS with a pre-shared key (RFC 4279, RFC 5489, RFC 7905: ECDHE, so that the key of today opens nothing of
// yesterday); who has not the key gets no further than the handshake. Rejects with the system's error.

import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import type { Clock } from "@postern/contracts";

export interface Door {
  /** Where others find it. */
  readonly address: string;
  close(): void;
}

/** Handshake and letter, and a dial. */
export const DOOR_TIMEOUT_MS = 5000;

const IDENTITY = "postern";
/** node:tls has pre-shared keys up to TLS 1.2. */
const TLS = { ciphers: "ECDHE-PSK-CHACHA20-POLY1305", minVersion: "TLSv1.2", maxVersion: "TLSv1.2" } as const;

/** For the workers of this node. */
export async function openWorkerDoor(onSocket: (socket: Socket) => void): Promise<Door> {
  // mkdtemp makes it 0700.
  const folder = await mkdtemp(join(tmpdir(), "postern-rpc-"));
  const path = join(folder, "join");
  // At once: a process that ends would not come to it.
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, onSocket);
  try {
    await listening(server, { path });
    server.unref();
  } catch (error) {
    remove();
    throw error;
  }
  return {
    address: path,
    close() {
      server.close();
      remove();
    },
  };
}

/** For the other nodes. All workers of a node may open it. */
export async function openNodeDoor(address: string, preShared: Buffer, onSocket: (socket: Socket) => void): Promise<Door> {
  const pskCallback = (_socket: unknown, identity: string): Buffer | null => (identity === IDENTITY ? preShared : null);
  const options = {
    ...TLS,
    pskCallback,
    handshakeTimeout: DOOR_TIMEOUT_MS,
    pauseOnConnect: false,
    allowHalfOpen: true,
    noDelay: true,
  };
  const server = createTlsServer(options, (socket) => {
    socket.pause();
    onSocket(socket);
  });
  // Whoever has not the key: nothing to tell, and nobody to tell it to.
  server.on("tlsClientError", () => {});
  await listening(server, { ...hostAndPort(address), reusePort: true });
  server.unref();
  return { address, close: () => void server.close() };
}

export function dialWorker(path: string, clock: Clock): Promise<Socket> {
  return connected(connect({ path }), "connect", clock);
}

export function dialNode(address: string, preShared: Buffer, clock: Clock): Promise<Socket> {
  const socket = connectTls({
    ...hostAndPort(address),
    ...TLS,
    pskCallback: () => ({ psk: preShared, identity: IDENTITY }),
    // There is no certificate: who answers has the key.
    checkServerIdentity: () => undefined,
  });
  socket.setNoDelay(true);
  return connected(socket, "secureConnect", clock);
}

function listening(server: Server, options: object): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(options, () => {
      server.off("error", reject);
      server.on("error", () => {});
      resolve();
    });
  });
}

function connected(socket: Socket, event: "connect" | "secureConnect", clock: Clock): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(DOOR_TIMEOUT_MS, () => socket.destroy(new Error(`no answer within ${DOOR_TIMEOUT_MS} ms`)));
    const failed = (error?: Error): void => {
      timer.cancel();
      reject(error ?? new Error("the connection was closed"));
    };
    socket.on("error", failed);
    socket.once("close", () => failed());
    socket.once(event, () => {
      timer.cancel();
      resolve(socket);
    });
  });
}

function hostAndPort(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon).replace(/^\[(.*)\]$/, "$1"), port: Number(address.slice(colon + 1)) };
}
