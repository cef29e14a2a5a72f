// Sockets, a clock and legs for the tests of this package. Loopback only; everything is closed by the test's teardown.

import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { duplexPair } from "node:stream";
import type { ExecutionContext } from "ava";
import { Failure, RELAY, systemClock, type Clock, type FailureKind, type Leg } from "@postern/contracts";
import { CLIENT_ROLE, type ConnectionRole, type ReadLimits } from "../src/connection-role.ts";
import { Connection } from "../src/connection.ts";

export const LIMITS: ReadLimits = { maxLine: 64 * 1024, maxUnread: 128 * 1024 };

/** Two ends of a TCP connection; the first was accepted as the listener accepts: paused and half-open. */
export async function socketPair(t: ExecutionContext): Promise<[accepted: Socket, dialled: Socket]> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const dialled = connect({
    port: (server.address() as AddressInfo).port,
    host: "127.0.0.1",
    allowHalfOpen: true,
    noDelay: true,
  });
  const [accepted] = (await once(server, "connection")) as [Socket];
  if (dialled.connecting) await once(dialled, "connect");
  server.close();
  for (const socket of [accepted, dialled]) socket.on("error", () => {});
  t.teardown(() => {
    accepted.destroy();
    dialled.destroy();
  });
  return [accepted, dialled];
}

/** A server on a port of 127.0.0.1 that hands over what it accepts. */
export async function serverOf(t: ExecutionContext, onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onSocket(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A connection over an in-memory pair, and the peer's end. */
export function memoryConnection(limits = LIMITS, role: ConnectionRole = CLIENT_ROLE): [Connection, Socket] {
  const [near, far] = duplexPair() as unknown as [Socket, Socket];
  const upgrade = (): Promise<never> => Promise.reject(new Error("There is no TLS in memory"));
  return [new Connection(near, role, limits, { secure: false, upgrade }), far];
}

/** Resolves when so many bytes are there to be read, and the socket's events for them are over. */
export async function arrived(connection: Connection, count: number): Promise<void> {
  const turn = (): Promise<unknown> => new Promise((resolve) => setImmediate(resolve));
  while (connection.pending < count) await turn();
  await turn();
}

export const plainConnection = (socket: Socket, role: ConnectionRole): Connection =>
  new Connection(socket, role, LIMITS, { secure: false, upgrade: undefined });

export interface ManualClock extends Clock {
  /** Runs every timer that waits, and forgets it. */
  fire(): void;
  readonly pending: number;
}

export function manualClock(): ManualClock {
  const tasks = new Set<() => void>();
  return {
    now: () => 0,
    after(_ms, task) {
      tasks.add(task);
      return { cancel: () => tasks.delete(task) };
    },
    fire() {
      const due = [...tasks];
      tasks.clear();
      for (const task of due) task();
    },
    get pending() {
      return tasks.size;
    },
  };
}

export function legTo(port: number, rest: Partial<Leg> = {}): Leg {
  return {
    backend: "mbx1",
    site: undefined,
    protocol: "test",
    scheme: "test",
    host: "127.0.0.1",
    port,
    tls: "none",
    ca: undefined,
    verify: true,
    serverName: undefined,
    proxyHeader: "none",
    forwardClient: true,
    allowPlaintext: false,
    login: RELAY,
    dialTimeoutMs: 5000,
    replyTimeoutMs: 5000,
    ...rest,
  };
}

export const DIAL = { clock: systemClock, limits: LIMITS, client: undefined };

/** The kind of failure that the work ends with. */
export async function kindOf(work: Promise<unknown>): Promise<FailureKind | "no failure"> {
  try {
    await work;
    return "no failure";
  } catch (error) {
    if (error instanceof Failure) return error.kind;
    throw error;
  }
}

/** All bytes that a socket gives until its end. Our own half stays open. */
export function collect(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  return new Promise((resolve, reject) => {
    socket.on("data", (chunk: Buffer) => void chunks.push(chunk));
    if (socket.readableEnded) resolve(Buffer.alloc(0));
    socket.once("end", () => resolve(Buffer.concat(chunks)));
    socket.once("error", reject);
    socket.resume();
  });
}

/** Resolves when a socket is closed, however. */
export const closeOf = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once("close", () => resolve()));

/** Waits until `value` has not changed for some turns of a short timer. */
export async function settled(value: () => number): Promise<number> {
  let last = value();
  for (let same = 0, looks = 0; same < 5 && looks < 400; looks++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    same = value() === last ? same + 1 : 0;
    last = value();
  }
  return last;
}
