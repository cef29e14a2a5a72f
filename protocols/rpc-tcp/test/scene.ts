// The gateway before RPC servers, over the real path, and clients that speak RPC to it octet by octet. All ends with the test.

import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import type { ExecutionContext } from "ava";
import type { Leg } from "@postern/contracts";
import { Registry, serve } from "@postern/core";
import { PduFramer, pdusOf } from "@postern/dcerpc";
import { createHarness, defaultsOf, testLeg, type Harness, type HarnessOptions } from "@postern/testing";
import { buildRpcTcp, type RpcTcpParts } from "../src/build.ts";
import { rpcTcpSettings, type RpcTcpSettings } from "../src/settings.ts";
import { testState } from "./state.ts";

export interface SceneOptions {
  readonly legs: Readonly<Record<string, Leg>>;
  readonly settings?: Partial<RpcTcpSettings>;
  readonly parts?: Partial<RpcTcpParts>;
  readonly house?: HarnessOptions<Registry>["house"];
}

export const settingsOf = (rest: Partial<RpcTcpSettings> = {}): RpcTcpSettings => ({
  // What the configuration makes of a table with dicts that nobody fills.
  ...(defaultsOf(rpcTcpSettings) as unknown as RpcTcpSettings),
  interfaces: {},
  arrays: {},
  ...rest,
});

/** Backends in the order of their names, whoever asks. */
export const byName = (backend: string): number => -(backend.codePointAt(0) ?? 0);

export async function gateway(t: ExecutionContext, options: SceneOptions): Promise<{ harness: Harness<Registry>; at: number }> {
  const harness = createHarness<Registry>({
    core: { Registry, serve },
    legs: [],
    listener: { tls: "none" },
    ...(options.house !== undefined && { house: options.house }),
    protocol: ({ clock, logger, health, limits }) =>
      buildRpcTcp({
        settings: settingsOf(options.settings),
        clock,
        logger,
        health,
        limits,
        state: testState(),
        defaultDomain: "example.com",
        legs: new Map(Object.entries(options.legs)),
        ports: [],
        rank: byName,
        isExempt: () => false,
        ...options.parts,
      }),
  });
  t.teardown(() => harness.close());
  return { harness, at: await harness.listen() };
}

export interface RpcClient {
  readonly socket: Socket;
  send(...pdus: readonly Buffer[]): void;
  /** The next PDU. */
  read(): Promise<Buffer>;
  /** PDUs up to the end of the connection. */
  rest(): Promise<Buffer[]>;
}

export function dial(t: ExecutionContext, at: number): RpcClient {
  const socket = connect(at, "127.0.0.1");
  t.teardown(() => void socket.destroy());
  const came: Buffer[] = [];
  let isOver = false;
  let wake = Promise.withResolvers<void>();
  const stir = (): void => {
    wake.resolve();
    wake = Promise.withResolvers<void>();
  };
  const framer = new PduFramer({ rpc: (run) => void came.push(...pdusOf(Buffer.from(run))), rts: () => {} });
  const end = (): void => {
    isOver = true;
    stir();
  };
  socket
    .on("error", end)
    .on("end", end)
    .on("close", end)
    .on("data", (chunk: Buffer) => {
      framer.feed(chunk);
      stir();
    });
  return {
    socket,
    send: (...pdus) => void socket.write(Buffer.concat(pdus)),
    async read() {
      while (came.length === 0 && !isOver) await wake.promise;
      const pdu = came.shift();
      if (pdu === undefined) throw new Error("The connection ended");
      return pdu;
    },
    async rest() {
      while (!isOver) await wake.promise;
      return came.splice(0);
    },
  };
}

/** A leg whose interfaces are at one port that needs no asking. */
export const rpcLeg = (port: number, backend: string, rest: Partial<Leg> = {}): Leg =>
  testLeg(port, { protocol: "rpc-tcp", scheme: "ncacn_ip_tcp", backend, ...rest });

/** Settings by which EMSMDB and NSPI are at this port of every backend. */
export const at = (port: number): RpcTcpSettings["interfaces"] => ({
  emsmdb: row(port),
  nspi: row(port),
  asyncemsmdb: row(port),
});

const row = (backendPort: number) => ({ uuid: undefined, version: undefined, port: undefined, backendPort });

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Looks again and again, a thousand turns at most. */
export async function until(condition: () => boolean, turns = 2000): Promise<void> {
  for (let turn = 0; turn < turns && !condition(); turn += 1) await new Promise((resolve) => setTimeout(resolve, 1));
  if (!condition()) throw new Error("It did not come to be");
}
