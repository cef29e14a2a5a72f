// A relay between a mail app's end and a mailbox server's end, in clear or over TLS, and bytes to send through it.

import { createHash } from "node:crypto";
import { once } from "node:events";
import type { Socket } from "node:net";
import { connect as connectTls, createSecureContext, TLSSocket } from "node:tls";
import type { ExecutionContext } from "ava";
import { selfSigned } from "@postern/certs";
import { CLIENT_ROLE } from "../src/connection-role.ts";
import { Connection } from "../src/connection.ts";
import { dial } from "../src/dialer.ts";
import { Relay, type RelayEnd } from "../src/relay.ts";
import { TlsServer } from "../src/tls-server.ts";
import { DIAL, legTo, LIMITS, plainConnection, serverOf, socketPair } from "./helpers.ts";

export interface Relayed {
  /** The mail app's end. */
  readonly app: Socket;
  /** The mailbox server's end. */
  readonly server: Socket;
  readonly client: Connection;
  readonly backend: Connection;
  readonly relay: Relay;
  readonly end: Promise<RelayEnd>;
}

const certificate = selfSigned(["localhost"]);
const tlsServer = new TlsServer({
  certificates: [{ ...certificate, names: ["localhost"] }],
  minVersion: "TLSv1.2",
  ciphers: undefined,
  clientCa: undefined,
  ticketKeys: Buffer.alloc(48),
});

type Sides = Pick<Relayed, "app" | "server" | "client" | "backend">;

/** A client and a dialled backend, with what the backend said first still unread. */
export async function sidesOf(t: ExecutionContext, tls: boolean, greeting = "hi"): Promise<Sides> {
  const accepted: Socket[] = [];
  const secureContext = createSecureContext(certificate);
  const port = await serverOf(t, (raw) => {
    const socket = tls ? new TLSSocket(raw, { isServer: true, secureContext }) : raw;
    accepted.push(socket.on("error", () => {}));
    socket.write(greeting);
  });
  const backend = await dial(legTo(port, tls ? { tls: "implicit", verify: false } : {}), DIAL);
  const [server] = accepted;
  if (server === undefined) throw new Error("Nothing was accepted");
  const [inner, outer] = await socketPair(t);
  t.teardown(() => backend.destroy());
  if (!tls) return { app: outer, server, client: plainConnection(inner, CLIENT_ROLE), backend };
  const app = connectTls({ socket: outer, rejectUnauthorized: false });
  app.on("error", () => {});
  const secured = await tlsServer.secure(inner, [], "none");
  return { app, server, client: new Connection(secured, CLIENT_ROLE, LIMITS, { secure: true, upgrade: undefined }), backend };
}

export function start(sides: Sides): Relayed {
  let relay: Relay | undefined;
  const end = new Promise<RelayEnd>((done) => {
    relay = new Relay(sides.client, sides.backend, done);
  });
  if (relay === undefined) throw new Error("No relay");
  return { ...sides, relay, end };
}

export async function relayed(t: ExecutionContext, tls = false): Promise<Relayed> {
  const sides = await sidesOf(t, tls);
  await sides.backend.readBytes(2);
  return start(sides);
}

/** Deterministic bytes in which every place is recognisable. */
export function pattern(length: number, seed: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 + (at >> 8) * 7 + seed) & 255;
  return bytes;
}

export const hash = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

export async function sendAll(socket: Socket, parts: readonly Buffer[]): Promise<void> {
  for (const part of parts) {
    if (!socket.write(part)) await once(socket, "drain");
    if (part.length % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  socket.end();
}

/** What a socket gets, with pauses; one that is to be cut is reset on the way. */
export function gather(socket: Socket, cut: boolean): Promise<Buffer> {
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    let length = 0;
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (cut && length > 500_000) return void socket.resetAndDestroy();
      if (chunks.length % 8 !== 0) return;
      socket.pause();
      setImmediate(() => socket.resume());
    });
    for (const event of ["end", "close"] as const) socket.once(event, () => resolve(Buffer.concat(chunks)));
    socket.resume();
  });
}
