// A pool around a line server of its own, for the tests of the pool. Torn down with the test.

import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import type { ExecutionContext } from "ava";
import { Failure, type FailureKind, type HealthState, type Leg } from "@postern/contracts";
import type { ProxyFacts } from "@postern/net";
import { createFakeClock, testLeg, type FakeClock } from "@postern/testing";
import { createBackendPool, type BackendPool, type PooledBackend, type PoolSettings } from "../src/index.ts";

export interface PoolScene {
  readonly pool: BackendPool<string>;
  readonly clock: FakeClock;
  readonly leg: Leg;
  /** Connections that the server has accepted, in order. */
  readonly sockets: Socket[];
  /** What clients said on each. */
  readonly heard: string[];
  /** What health was told: "up mbx1", "down mbx1 192.0.2.7". */
  readonly told: string[];
  state: HealthState;
  /** What the server says first; undefined: nothing. */
  greeting: string | undefined;
  take(client?: ProxyFacts): Promise<PooledBackend<string>>;
  /** So many connections were accepted. */
  accepted(count: number): Promise<void>;
  /** A line there and back. */
  echo(loan: PooledBackend<string>): Promise<string>;
}

export const clientAt = (host: string): ProxyFacts => ({
  source: { host, port: 1 },
  destination: { host: "192.0.2.1", port: 2 },
  tls: undefined,
});

/** Resolves when `done` says so; polls between turns of the event loop, a bounded number of times. */
export async function until(done: () => boolean): Promise<void> {
  for (let turn = 0; turn < 2000; turn++) {
    if (done()) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  throw new Error("It does not happen");
}

export async function kindOf(work: Promise<unknown>): Promise<FailureKind | undefined> {
  return work.then(
    () => undefined,
    (error: unknown) => (error instanceof Failure ? error.kind : Promise.reject(error)),
  );
}

export async function poolScene(
  t: ExecutionContext,
  rest: Partial<PoolSettings> = {},
  legRest: Partial<Leg> = {},
): Promise<PoolScene> {
  const clock = createFakeClock();
  const sockets: Socket[] = [];
  const heard: string[] = [];
  const told: string[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const index = sockets.push(socket) - 1;
    heard.push("");
    socket.on("error", () => {});
    socket.on("end", () => socket.end());
    socket.on("data", (chunk) => {
      heard[index] += chunk.toString();
      if (!chunk.includes("PROXY") && !chunk.includes("BYE")) socket.write(chunk);
    });
    if (scene.greeting !== undefined) socket.write(`${scene.greeting}\r\n`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const pool = createBackendPool<string>({
    greet: async (backend) => {
      const line = await backend.readLine();
      if (line.startsWith("NO ")) throw new Failure(line.slice(3) as FailureKind, "The backend says no");
      return line;
    },
    leave: (backend) => backend.write("BYE\r\n"),
    limits: { maxLine: 1000, maxUnread: 8000 },
    clock,
    health: {
      facts: () => ({ state: scene.state, since: 0, evidence: "" }),
      order: (legs) => legs,
      succeeded: ({ backend }) => void told.push(`up ${backend}`),
      failed: ({ backend }, _, client) => void told.push(`down ${backend} ${client}`.trim()),
    },
    settings: { perBackend: 10, idle: 30_000, ahead: 0, wait: 20_000, ...rest },
  });
  const leg = testLeg((server.address() as AddressInfo).port, legRest);
  const scene: PoolScene = {
    pool,
    clock,
    leg,
    sockets,
    heard,
    told,
    state: "up",
    greeting: "hello",
    take: (client = clientAt("192.0.2.7")) => pool.take(leg, client),
    accepted: (count) => until(() => sockets.length >= count),
    async echo(loan) {
      loan.dialogue.write("ping\r\n");
      return loan.dialogue.readLine();
    },
  };
  t.teardown(() => {
    pool.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return scene;
}
