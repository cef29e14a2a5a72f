// A gateway around the line protocol, clients and backends for the tests of the path. Torn down with the test.

import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import type { ExecutionContext } from "ava";
import type { Leg, LineProtocol } from "@postern/contracts";
import { createHarness, ScriptedPeer, testLeg, type Harness, type HarnessOptions } from "@postern/testing";
import { Registry, serve } from "../src/index.ts";
import { lineProtocol } from "./line-protocol.ts";

export type Gateway = Harness<Registry>;

export interface Backend {
  readonly leg: Leg;
  /** What logged in at it: "user password". */
  readonly heard: string[];
  readonly sockets: Socket[];
}

/** A backend that greets and gives one answer to every login; afterwards it echoes. undefined: it is silent from the start. */
export async function backend(t: ExecutionContext, answer: string | undefined, rest: Partial<Leg> = {}): Promise<Backend> {
  const heard: string[] = [];
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.on("end", () => socket.end());
    if (answer === undefined) return void socket.resume();
    socket.write("READY\r\n");
    socket.once("data", (data: Buffer) => {
      heard.push(data.toString().trim());
      socket.write(`${answer}\r\n`);
      socket.pipe(socket, { end: false });
    });
  });
  server.listen(0, "0.0.0.0");
  await once(server, "listening");
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { leg: testLeg((server.address() as AddressInfo).port, { protocol: "line", backend: "mbx1", ...rest }), heard, sockets };
}

export interface SceneOptions extends Partial<Omit<HarnessOptions<Registry>, "core" | "protocol">> {
  readonly protocol?: LineProtocol;
}

export function gateway(t: ExecutionContext, options: SceneOptions): Gateway {
  const harness = createHarness({
    legs: [],
    ...options,
    core: { Registry, serve },
    protocol: options.protocol ?? lineProtocol().protocol,
  });
  t.teardown(() => harness.close());
  return harness;
}

export interface Client {
  readonly peer: ScriptedPeer;
  readonly socket: Socket;
  readonly say: (line: string) => void;
  /** The next line; waits 5 seconds at most. */
  readonly hear: () => Promise<string>;
}

/** A client of the gateway that has read the greeting, when it waits for one. */
export async function client(t: ExecutionContext, harness: Gateway, greeting: string | null = "HELLO"): Promise<Client> {
  const socket = connect({ port: await harness.listen(), host: "127.0.0.1", allowHalfOpen: true });
  const peer = new ScriptedPeer(socket, 5000);
  t.teardown(() => peer.destroy());
  const hear = async (): Promise<string> => (await peer.line("a line")).toString();
  if (greeting !== null) t.is(await hear(), greeting);
  return { peer, socket, hear, say: (line) => peer.write(Buffer.from(`${line}\r\n`)) };
}

/** All sessions are over, every place was given back, and nobody is listed. */
export async function allOver(t: ExecutionContext, harness: Gateway): Promise<void> {
  await harness.settled();
  t.is(harness.places, 0);
  t.is(harness.house.registry.size, 0);
}
