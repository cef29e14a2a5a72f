// Dials a backend leg: connect, PROXY header, TLS, first bytes, all under one deadline, so that a dead or hanging
// backend costs one dial time-out at most. Sessions with TLS backends are resumed. Never chooses a backend.
// Failure: backend-unreachable, backend-silent, backend-tls, backend-lost. RFC 8446, RFC 9525 (names).

import { connect, isIP, type Socket } from "node:net";
import { connect as tlsConnect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { Failure, legText, type Clock, type Leg } from "@postern/contracts";
import { BACKEND_ROLE, type ReadLimits } from "./connection-role.ts";
import { Connection } from "./connection.ts";
import { buildProxyHeader, type ProxyFacts } from "./proxy-header.ts";

export interface DialOptions {
  readonly clock: Clock;
  readonly limits: ReadLimits;
  /** Who the client is, for a PROXY header; undefined for probes (they send LOCAL). */
  readonly client: ProxyFacts | undefined;
  /** The backend says nothing before it is asked: being connected is enough. */
  readonly isSilent?: boolean;
}

/** Keeps the newest TLS session of each leg, so that the next dial resumes it. */
const sessions = new Map<string, Buffer>();
const MAX_SESSIONS = 4096;

/** A connection whose backend has spoken first, unless it is one that waits to be spoken to; the bytes are unread. */
export async function dial(leg: Leg, options: DialOptions): Promise<Connection> {
  const socket = begin(leg);
  const upgrade = leg.tls === "none" ? undefined : (plain: Socket): Promise<TLSSocket> => secure(plain, leg);
  const connection = new Connection(socket, BACKEND_ROLE, options.limits, { secure: false, upgrade });
  connection.deadline(
    options.clock,
    leg.dialTimeoutMs,
    "backend-silent",
    `${legText(leg)}: no greeting within ${leg.dialTimeoutMs} ms`,
  );
  try {
    await connected(socket, leg, options.clock);
    if (leg.proxyHeader !== "none") socket.write(proxyHeader(leg.proxyHeader, options.client));
    if (leg.tls === "implicit") await connection.startTls();
    if (options.isSilent !== true) await connection.firstBytes();
    connection.deadline(options.clock, 0, "backend-silent", "");
    return connection;
  } catch (error) {
    connection.destroy();
    socket.destroy();
    throw error;
  }
}

/**
 * The socket of a connection to a backend that waits to be spoken to: connected, PROXY header sent, TLS done where the leg
 * begins with it, nothing read, paused. Failure: backend-unreachable, backend-silent, backend-tls.
 */
export async function reach(leg: Leg, { clock, client }: Omit<DialOptions, "isSilent" | "limits">): Promise<Socket> {
  const socket = begin(leg);
  // Whoever takes it listens for its errors; until then nobody does.
  socket.on("error", () => {});
  let isConnected = false;
  let isLate = false;
  const timer = clock.after(leg.dialTimeoutMs, () => {
    isLate = isConnected;
    socket.destroy();
  });
  try {
    await connected(socket, leg, clock);
    isConnected = true;
    if (leg.proxyHeader !== "none") socket.write(proxyHeader(leg.proxyHeader, client));
    return leg.tls === "implicit" ? await secure(socket, leg) : socket;
  } catch (error) {
    socket.destroy();
    if (!isLate) throw error;
    throw new Failure("backend-silent", `${legText(leg)}: no TLS handshake within ${leg.dialTimeoutMs} ms`, { cause: error });
  } finally {
    timer.cancel();
  }
}

function begin({ host, port }: Leg): Socket {
  return connect({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 120_000, allowHalfOpen: true });
}

function proxyHeader(version: "v1" | "v2", client: ProxyFacts | undefined): Buffer {
  const nobody = { host: "", port: 0 };
  return buildProxyHeader(version, client ?? { source: nobody, destination: nobody, tls: undefined });
}

function connected(socket: Socket, leg: Leg, clock: Clock): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(leg.dialTimeoutMs, () =>
      finish(() => reject(new Failure("backend-unreachable", `${legText(leg)}: no connection within ${leg.dialTimeoutMs} ms`))),
    );
    const finish = (settle: () => void): void => {
      timer.cancel();
      socket.off("connect", onConnect);
      socket.off("error", onError);
      settle();
    };
    const onConnect = (): void => finish(resolve);
    const onError = (error: Error): void =>
      finish(() => reject(new Failure("backend-unreachable", `${legText(leg)}: ${error.message}`, { cause: error })));
    socket.on("connect", onConnect);
    socket.on("error", onError);
  });
}

/** TLS towards the backend on a connected socket, with the leg's policy. */
function secure(plain: Socket, leg: Leg): Promise<TLSSocket> {
  const key = `${leg.host}:${leg.port}:${leg.serverName ?? ""}:${leg.verify}:${leg.ca ?? ""}`;
  const name = leg.serverName ?? leg.host;
  const session = sessions.get(key);
  const options: ConnectionOptions & { allowHalfOpen: boolean } = {
    socket: plain,
    host: name,
    rejectUnauthorized: leg.verify,
    allowHalfOpen: true,
    minVersion: "TLSv1.2",
    ...(isIP(name) === 0 && { servername: name }),
    ...(leg.ca !== undefined && { ca: leg.ca }),
    ...(session !== undefined && { session }),
  };
  const secured = tlsConnect(options);
  secured.on("session", (ticket) => {
    sessions.delete(key);
    sessions.set(key, ticket);
    if (sessions.size > MAX_SESSIONS) sessions.delete(sessions.keys().next().value ?? "");
  });
  return new Promise((resolve, reject) => {
    const onError = (error: Error): void => {
      secured.off("close", onClose);
      secured.on("error", () => {});
      plain.destroy();
      sessions.delete(key);
      reject(new Failure("backend-tls", `${legText(leg)}: TLS: ${error.message}`, { cause: error }));
    };
    const onClose = (): void => onError(new Error("the backend closed the connection in the handshake"));
    secured.once("error", onError);
    secured.once("close", onClose);
    secured.once("secureConnect", () => {
      secured.off("error", onError);
      secured.off("close", onClose);
      resolve(secured);
    });
  });
}
