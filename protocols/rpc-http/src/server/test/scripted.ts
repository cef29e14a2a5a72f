// Requests that a test plays octet by octet, and a backend that says what it is told: for what no client would do by itself.

import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import type { ExecutionContext } from "ava";
import { Failure, toFailure, type SharedState } from "@postern/contracts";
import type { Channel, ChannelAnswer, ChannelSink } from "@postern/http";
import {
  createFakeClock,
  PduSplitter,
  isRts,
  requestPdus,
  rtsNames,
  rtsPdu,
  testSession,
  type FakeClock,
  type RtsName,
  type RtsValues,
} from "@postern/testing";
import { createServe } from "../../serve.ts";
import { createServerKind } from "../index.ts";
import { rpcLeg, testParts, testState, type PartsOptions, type TestParts } from "./scene.ts";

/** Waits for what happens within a few turns of the event loop. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  for (let look = 0; look < 1000; look++) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`Not yet: ${what}`);
}

/** One request of a client. */
export class ScriptedRequest implements ChannelAnswer {
  status: number | undefined;
  bytes = 0;
  isOver = false;
  onDrain: (() => void) | undefined;
  onGone: (() => void) | undefined;
  /** The client does not read. */
  isStuck = false;
  /** How it ended for whoever serves it; undefined: it runs. */
  ended: Failure | "well" | undefined;
  readonly channel: Channel;
  readonly #pdus: Buffer[] = [];
  #sink: ChannelSink | undefined;
  #early: Buffer[] = [];

  constructor(direction: "in" | "out", user: string, serve: (channel: Channel) => Promise<void>) {
    const body = {
      length: 1_073_741_824,
      start: (sink: ChannelSink): void => {
        this.#sink = sink;
        for (const bytes of this.#early.splice(0)) sink.data(bytes);
      },
      resume: (): void => {},
    };
    this.channel = {
      id: direction,
      method: `RPC_${direction.toUpperCase()}_DATA`,
      target: "/rpc/rpcproxy.dll?mail.example.com:6001",
      session: testSession(),
      identity: { user, proven: true },
      body,
      answer: this,
    };
    serve(this.channel).then(
      () => (this.ended = "well"),
      (error: unknown) => (this.ended = toFailure(error)),
    );
  }

  /** What came: names of RTS PDUs, the first of those that look alike, and "rpc:N" for N octets. */
  get heard(): string[] {
    return this.#pdus.map((pdu) => (isRts(pdu) ? (rtsNames(pdu).split(" or ")[0] ?? "") : `rpc:${pdu.length}`));
  }

  get pdus(): readonly Buffer[] {
    return this.#pdus;
  }

  /** Octets of RPC that came. */
  get rpc(): number {
    return this.#pdus.filter((pdu) => !isRts(pdu)).reduce((sum, { length }) => sum + length, 0);
  }

  say(name: RtsName, values: RtsValues = {}): void {
    this.send(rtsPdu(name, values));
  }

  send(bytes: Buffer): void {
    if (this.#sink === undefined) this.#early.push(bytes);
    else this.#sink.data(bytes);
  }

  /** The client leaves. */
  lose(): void {
    this.#sink?.broken(new Failure("client-gone", "The client left"));
  }

  /** The client reads again. */
  drain(): void {
    this.isStuck = false;
    this.onDrain?.();
  }

  begin({ status }: { readonly status: number }): void {
    this.status = status;
  }

  write(chunk: Buffer): boolean {
    if (this.isOver) throw new Error("Written behind the end");
    this.bytes += chunk.length;
    this.#pdus.push(...new PduSplitter().feed(chunk));
    return !this.isStuck;
  }

  end(): void {
    this.isOver = true;
  }
  leave(): void {
    this.isOver = true;
  }
  cut(): void {
    this.isOver = true;
  }
}

export interface ScriptedBackend {
  readonly port: number;
  /** Octets of PDUs that came, in order. */
  received(): Buffer;
  readonly sockets: readonly Socket[];
  send(bytes: Buffer): void;
  /** Connections that are open. */
  open(): number;
}

export async function startBackend(t: ExecutionContext): Promise<ScriptedBackend> {
  const sockets: Socket[] = [];
  const chunks: Buffer[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    port: (server.address() as AddressInfo).port,
    received: () => Buffer.concat(chunks),
    sockets,
    send: (bytes) => void sockets.at(-1)?.write(bytes),
    open: () => sockets.filter(({ closed }) => !closed).length,
  };
}

export const CONNECTION = "11".repeat(16);
export const OUT = "22".repeat(16);
export const IN = "33".repeat(16);
export const NEXT = "44".repeat(16);

const B1 = { connection: CONNECTION, channel: IN, lifetime: 1024 ** 3, keepAlive: 0, group: "55".repeat(16) };
const A1 = { connection: CONNECTION, channel: OUT };

/** A run of PDUs, one call each, of `octets` in all. */
export function rpc(octets: number, callId = 1): Buffer {
  const pdu = requestPdus({ callId, stub: Buffer.alloc(octets - 24, callId) });
  if (pdu.length !== octets) throw new Error(`No PDU of ${octets} octets`);
  return pdu;
}

/** One worker under a fake clock, with clients that a test plays. */
export interface Play {
  readonly clock: FakeClock;
  readonly backend: ScriptedBackend;
  readonly parts: TestParts;
  readonly request: (direction: "in" | "out", name?: RtsName, values?: RtsValues, user?: string) => ScriptedRequest;
  /** So many channels have found their virtual connection's home. */
  readonly claims: () => number;
  /** CONN/A1 and CONN/B1, in that order, each when asked. */
  readonly a1: (window?: number) => ScriptedRequest;
  readonly b1: () => ScriptedRequest;
  /** Both, and the backend is there. */
  readonly opened: (window?: number) => Promise<{ readonly incoming: ScriptedRequest; readonly outgoing: ScriptedRequest }>;
}

export async function play(t: ExecutionContext, options: PartsOptions = {}): Promise<Play> {
  const clock = createFakeClock();
  const backend = await startBackend(t);
  const legs = options.legs ?? [rpcLeg(backend.port)];
  const { state = testState() } = options;
  let claims = 0;
  const counting: SharedState = {
    ...state,
    async claim(...asked) {
      const owner = await state.claim(...asked);
      claims++;
      return owner;
    },
  };
  const parts = testParts({ ...options, state: counting, legs, clock });
  const kind = createServerKind(parts);
  t.teardown(() => kind.close());
  const serve = createServe(parts, new Map([["ncacn_ip_tcp", kind]]));
  const request: Play["request"] = (direction, name, values, user = "alice@example.com") => {
    const made = new ScriptedRequest(direction, user, (channel) => serve(channel, legs));
    if (name !== undefined) made.say(name, values);
    return made;
  };
  const a1: Play["a1"] = (window = 65_536) => request("out", "CONN/A1", { ...A1, window });
  const b1: Play["b1"] = () => request("in", "CONN/B1", B1);
  return {
    clock,
    backend,
    parts,
    request,
    claims: () => claims,
    a1,
    b1,
    async opened(window) {
      const outgoing = a1(window);
      const incoming = b1();
      await until(() => outgoing.heard.length === 2 && backend.sockets.length > 0, "CONN/C2");
      return { incoming, outgoing };
    },
  };
}
