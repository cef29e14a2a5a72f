// One proxy kind between clients and a server that a test plays by hand, with the steps that bring a virtual connection to each of its
// states. Cookies are one digit, repeated.

import type { ExecutionContext } from "ava";
import type { Health, Leg, SharedState } from "@postern/contracts";
import { newPdu, PDU_TYPES } from "@postern/dcerpc";
import { createFakeClock, createMemoryLogger, defaultsOf, testLeg, type FakeClock } from "@postern/testing";
import type { BackendKind, Opening } from "../../parts.ts";
import { rtsPdu } from "../../rts/pdus.ts";
import { rpcHttpSettings, type RpcHttpSettings } from "../../settings.ts";
import { createProxyKind } from "../index.ts";
import { PlayedChannel } from "./channel.ts";
import { PlayedServer, type PlayedLeg } from "./server.ts";

export const cookie = (digit: string): string => digit.repeat(32);
export const VC = cookie("1");
export const OUT = cookie("2");
export const IN = cookie("3");
export const NEXT = cookie("4");
export const GROUP = cookie("5");
export const KB = 1024;

/** An RPC PDU of so many octets, filled with one value. */
export function rpc(octets: number, fill = 0): Buffer {
  const pdu = newPdu(PDU_TYPES.request, 1, octets - 16);
  pdu.fill(fill, 16);
  return pdu;
}

export interface Taken {
  readonly channel: PlayedChannel;
  /** Of take(): undefined when it resolved. */
  readonly settled: Promise<unknown>;
}

export class Scene {
  readonly clock: FakeClock = createFakeClock();
  readonly logger = createMemoryLogger();
  readonly server: PlayedServer;
  readonly settings: RpcHttpSettings;
  readonly notes = new Map<string, string>();
  readonly kind: BackendKind;
  legs: readonly Leg[];

  private constructor(server: PlayedServer, settings: Partial<RpcHttpSettings>) {
    this.server = server;
    this.settings = { ...(defaultsOf(rpcHttpSettings) as RpcHttpSettings), ...settings };
    this.legs = [testLeg(server.port, { protocol: "rpc-http", scheme: "ncacn_http" })];
    this.kind = this.another();
  }

  static async start(t: ExecutionContext, settings: Partial<RpcHttpSettings> = {}): Promise<Scene> {
    const server = await PlayedServer.start();
    t.teardown(() => server.stop());
    return new Scene(server, settings);
  }

  /** The proxy of another node, with the same shared state. */
  another(): BackendKind {
    const health: Health = {
      facts: () => ({ state: "unknown", since: 0, evidence: "" }),
      order: (legs) => legs,
      succeeded: () => {},
      failed: () => {},
    };
    const state = {
      claim: (key: string, value: string) => {
        const noted = this.notes.get(key) ?? value;
        this.notes.set(key, noted);
        return Promise.resolve(noted);
      },
    } as unknown as SharedState;
    return createProxyKind({
      hostname: "mail.example.com",
      settings: this.settings,
      clock: this.clock,
      logger: this.logger,
      health,
      state,
      legs: new Map(),
      secret: Buffer.alloc(32, 7),
    });
  }

  take(opening: Opening, user?: string, kind = this.kind): Taken {
    const channel = new PlayedChannel(opening.kind === "conn-b1" || opening.kind === "in-r-a1" ? "in" : "out", user);
    const settled = kind.take(channel, opening, Buffer.alloc(0), this.legs).catch((error: unknown) => {
      channel.leave(error as never);
      return error;
    });
    return { channel, settled };
  }

  connIn(user?: string): Taken {
    return this.take(
      { kind: "conn-b1", connection: VC, channel: IN, lifetime: 1024 ** 3, keepAlive: 300_000, group: GROUP },
      user,
    );
  }

  connOut(user?: string, window = 64 * KB): Taken {
    return this.take({ kind: "conn-a1", connection: VC, channel: OUT, window }, user);
  }

  nextIn({
    predecessor = IN,
    channel = NEXT,
    user,
    kind,
  }: { predecessor?: string; channel?: string; user?: string; kind?: BackendKind } = {}): Taken {
    return this.take({ kind: "in-r-a1", connection: VC, predecessor, channel }, user, kind);
  }

  nextOut({
    predecessor = OUT,
    channel = NEXT,
    user,
    kind,
    window = 64 * KB,
  }: { predecessor?: string; channel?: string; user?: string; kind?: BackendKind; window?: number } = {}): Taken {
    return this.take({ kind: "out-r-a3", connection: VC, predecessor, channel, window }, user, kind);
  }

  /** An IN channel in its opened state. */
  async openedIn(window = 64 * KB): Promise<Taken & { readonly leg: PlayedLeg }> {
    const taken = this.connIn();
    const leg = await this.server.leg();
    await leg.rts("CONN/B2");
    leg.say(rtsPdu("CONN/B3", { window }));
    // What the client says now goes through when B3 has come.
    taken.channel.say(rpc(24));
    await leg.rpc(24);
    return { ...taken, leg };
  }

  /** An OUT channel in its opened state. */
  async openedOut(window = 64 * KB): Promise<Taken & { readonly leg: PlayedLeg }> {
    const taken = this.connOut(undefined, window);
    const leg = await this.server.leg();
    await leg.rts("CONN/A2");
    await taken.channel.rts("CONN/A3");
    leg.say(rtsPdu("CONN/C1", { window: 64 * KB, timeout: 900_000 }));
    await taken.channel.rts("CONN/C2");
    return { ...taken, leg };
  }

  /** An OUT channel and its successor, of which the server knows (OUT_R2/A4). */
  async succeededOut(window = 64 * KB): Promise<{ readonly first: Taken; readonly second: Taken; readonly leg: PlayedLeg }> {
    const { leg, ...first } = await this.openedOut(window);
    leg.say(rtsPdu("OUT_R2/A1", {}));
    await first.channel.rts("OUT_R2/A2");
    const second = this.nextOut();
    await leg.rts("OUT_R2/A4");
    return { first, second, leg };
  }
}
