// Real TLS servers, the gateway in front of them over the real path, and real TLS clients. All end with the test.

import { once } from "node:events";
import { createServer as createPlainServer, type AddressInfo, type Server, type Socket } from "node:net";
import { connect, createServer, type ConnectionOptions, type TLSSocket } from "node:tls";
import type { ExecutionContext } from "ava";
import { createAuthority, issue } from "@postern/certs";
import type { Leg } from "@postern/contracts";
import { Registry, serve } from "@postern/core";
import { createHarness, type Harness, type HarnessOptions } from "@postern/testing";
import { buildPassthrough } from "../src/build.ts";

const authority = createAuthority("Passthrough tests");

const port = (server: Server): number => (server.address() as AddressInfo).port;

/** Closed, with all its connections, when the test ends. */
export async function listening(t: ExecutionContext, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return port(server);
}

/** A TLS server that says its name, and then gives back what it gets. */
export function echo(t: ExecutionContext, name: string): Promise<number> {
  const server = createServer({ ...issue(authority, { names: [name] }), allowHalfOpen: true }, (socket) => {
    socket.on("error", () => {});
    socket.write(`${name}\n`);
    socket.pipe(socket);
  });
  return listening(
    t,
    server.on("tlsClientError", () => {}),
  );
}

interface Setting {
  readonly names: Readonly<Record<string, readonly string[]>>;
  readonly legs: Readonly<Record<string, Leg>>;
  readonly house?: HarnessOptions<Registry>["house"];
}

export async function gateway(
  t: ExecutionContext,
  { names, legs, house }: Setting,
): Promise<{ harness: Harness<Registry>; at: number }> {
  const harness = createHarness<Registry>({
    core: { Registry, serve },
    legs: [],
    ...(house !== undefined && { house }),
    protocol: ({ clock, logger, health }) =>
      buildPassthrough({
        settings: { names, helloTimeout: 10_000, idle: 60_000 },
        clock,
        logger,
        health,
        legs: new Map(Object.entries(legs)),
      }),
  });
  t.teardown(() => harness.close());
  return { harness, at: await harness.listen() };
}

export function dial(t: ExecutionContext, at: number, servername?: string): TLSSocket {
  const options: ConnectionOptions & { readonly allowHalfOpen: boolean } = {
    port: at,
    host: "127.0.0.1",
    ca: authority.cert,
    allowHalfOpen: true,
    ...(servername === undefined ? { checkServerIdentity: () => undefined } : { servername }),
  };
  const socket = connect(options);
  t.teardown(() => void socket.destroy());
  return socket;
}

/** All that comes up to the end. */
export async function all(socket: TLSSocket): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** The first line. */
export const heard = (socket: TLSSocket): Promise<string> =>
  new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("data", (chunk: Buffer) => resolve(chunk.toString().split("\n")[0] ?? ""));
  });

/** The TLS alert that the handshake ends with, in OpenSSL's words. */
export const alertOf = (socket: TLSSocket): Promise<string> =>
  new Promise((resolve) => {
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });

export const freePort = async (): Promise<number> => {
  const server = createPlainServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const free = port(server);
  server.close();
  await once(server, "close");
  return free;
};
