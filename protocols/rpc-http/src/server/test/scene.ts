// What the tests of virtual connections begin with: parts of one worker, and an echo server with a gateway in front of it, whole or in
// several workers and nodes.

import type { ExecutionContext } from "ava";
import { systemClock, type Clock, type Health, type Leg, type SharedState } from "@postern/contracts";
import {
  createMemoryLogger,
  defaultsOf,
  startEchoRpcServer,
  testLeg,
  type EchoRpcServer,
  type MemoryLogger,
} from "@postern/testing";
import { createServe } from "../../serve.ts";
import { rpcHttpSettings, type RpcHttpSettings } from "../../settings.ts";
import type { RpcHttpParts } from "../../parts.ts";
import { createServerKind } from "../index.ts";
import { startFront, type Front } from "./front.ts";

export const rpcLeg = (port: number, rest: Partial<Leg> = {}): Leg =>
  testLeg(port, { protocol: "rpc-http", scheme: "ncacn_ip_tcp", ...rest });

export interface TestParts extends RpcHttpParts {
  readonly logger: MemoryLogger;
  /** What health was told. */
  readonly evidence: string[];
}

export interface PartsOptions {
  readonly legs?: readonly Leg[];
  readonly clock?: Clock;
  readonly state?: SharedState;
  readonly settings?: Partial<RpcHttpSettings>;
  readonly secret?: Buffer;
}

/** Of one worker, with the defaults of the settings. */
export function testParts({ legs = [], clock = systemClock, state = testState(), settings, secret }: PartsOptions): TestParts {
  const evidence: string[] = [];
  const health: Health = {
    facts: () => ({ state: "unknown", since: 0, evidence: "" }),
    order: (given) => given,
    succeeded: ({ backend }) => void evidence.push(`${backend} there`),
    failed: ({ backend }) => void evidence.push(`${backend} failed`),
  };
  return {
    hostname: "mail.example.com",
    settings: { ...(defaultsOf(rpcHttpSettings) as unknown as RpcHttpSettings), tcpPorts: {}, ...settings },
    clock,
    logger: createMemoryLogger(),
    health,
    state,
    legs: new Map(legs.map((leg) => [leg.backend, leg])),
    secret: secret ?? Buffer.alloc(32, 7),
    evidence,
  };
}

/** The state of one node, as far as claims go. */
export function testState(): SharedState {
  const claims = new Map<string, string>();
  return {
    take: () => Promise.resolve(true),
    give: () => {},
    count: () => Promise.resolve(0),
    hit: () => Promise.resolve(1),
    remember: () => Promise.resolve(0),
    recall: () => Promise.resolve(undefined),
    claimed: (key) => Promise.resolve(claims.get(key)),
    claim(key, value) {
      const owner = claims.get(key) ?? value;
      claims.set(key, owner);
      return Promise.resolve(owner);
    },
  };
}

export interface Worker extends Front {
  readonly parts: TestParts;
}

/** One worker with a front of its own. */
export async function startWorker(
  t: ExecutionContext,
  options: PartsOptions & { readonly legs: readonly Leg[] },
): Promise<Worker> {
  const parts = testParts(options);
  const kind = createServerKind(parts);
  const front = await startFront(createServe(parts, new Map([["ncacn_ip_tcp", kind]])), options.legs);
  t.teardown(async () => {
    kind.close();
    await front.stop();
  });
  return { ...front, parts };
}

export async function echoServer(t: ExecutionContext): Promise<EchoRpcServer> {
  const server = await startEchoRpcServer();
  t.teardown(() => server.stop());
  return server;
}
