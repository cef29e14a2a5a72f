// RPC over HTTP through the real program, with a client that is as strict as [MS-RPCH]: channels that are replaced all the time, cut at
// every state, or asked for with cookies of others; in front of a plain TCP server (the gateway plays both proxies and the server) and
// of an ncacn_http server (it plays both proxies), in one process, in several, and on two nodes.

import test, { type ExecutionContext } from "ava";
import {
  freePorts,
  RpcHttpClient,
  startEchoRpcServer,
  startNcacnHttpServer,
  type Direction,
  type EchoRpcServer,
  type InState,
  type NcacnHttpServer,
  type OutState,
  type RpcHttpClientOptions,
} from "@postern/testing";
import { memoryKb, type Gateway, type Json } from "./gateway-process.ts";
import { clientOf, drive, inPieces, startRpcGateway } from "./rpc-scene.ts";
import { stopAll } from "./together.ts";
import { until } from "./until.ts";

interface Setting {
  readonly name: string;
  /** For clients of one of its gateways, or of all in turn. */
  readonly options: (more?: Partial<RpcHttpClientOptions>) => RpcHttpClientOptions;
  readonly gateways: readonly Gateway[];
  /** What the backend has open. */
  readonly open: () => number;
  /** What the backend found wrong since the last time. */
  readonly errors: () => readonly string[];
}

let tcp: EchoRpcServer;
let ncacn: NcacnHttpServer;
const settings = new Map<string, Setting>();

const KEY = "a key of these tests that all nodes have, 48 bytes";

test.before(async () => {
  [tcp, ncacn] = await Promise.all([startEchoRpcServer(), startNcacnHttpServer()]);
  const doors = (await freePorts(2)).map((port) => `127.0.0.1:${port}`);
  const own = { joinTimeout: "2s" };
  const forTcp = { backend: { "rpc-http": `ncacn_ip_tcp://127.0.0.1:${tcp.port}` } };
  const forNcacn = { backend: { "rpc-http": `ncacn_http://127.0.0.1:${ncacn.port}` } };
  const node = (address: string | undefined, base: { readonly backend: Json }): Promise<Gateway> =>
    startRpcGateway({
      ...base,
      workers: 2,
      settings: { ...own, ...(address === undefined ? { ports: [ncacn.port] } : { join: { address, nodes: doors } }) },
      config: { https: { cookie: { keyFile: "nodes.key" }, services: { rpc: { authentication: "edge" } } } },
      files: { "nodes.key": KEY },
    });
  for (const workers of [1, 2]) {
    add(`plain TCP, workers: ${workers}`, tcp, [await startRpcGateway({ ...forTcp, workers, settings: own })]);
    const ports = { ...own, ports: [ncacn.port] };
    add(`ncacn_http, workers: ${workers}`, ncacn, [await startRpcGateway({ ...forNcacn, workers, settings: ports })]);
  }
  add("plain TCP, two nodes", tcp, await Promise.all(doors.map((address) => node(address, forTcp))));
  add("ncacn_http, two nodes", ncacn, await Promise.all([node(undefined, forNcacn), node(undefined, forNcacn)]));
});

test.after.always(async () => {
  await stopAll([...settings.values()].flatMap(({ gateways }) => gateways));
  await stopAll([tcp, ncacn]);
});

function add(name: string, server: EchoRpcServer | NcacnHttpServer, gateways: readonly Gateway[]): void {
  let turn = 0;
  const port = (): number => gateways[(turn += 1) % gateways.length]?.port("https") ?? 0;
  let seen = 0;
  const isTcp = server === tcp;
  settings.set(name, {
    name,
    gateways,
    options: (more) => ({
      ...clientOf(gateways[0] as Gateway),
      port,
      target: `/rpc/rpcproxy.dll?server:${isTcp ? 6001 : ncacn.port}`,
      ...more,
    }),
    open: () => (isTcp ? tcp.connections().length : ncacn.legs()),
    errors() {
      const found = server.errors.slice(seen);
      seen = server.errors.length;
      return found;
    },
  });
}

const NAMES = ["plain TCP", "ncacn_http"].flatMap((kind) =>
  ["workers: 1", "workers: 2", "two nodes"].map((place) => `${kind}, ${place}`),
);

function setting(name: string): Setting {
  const found = settings.get(name);
  if (found === undefined) throw new Error(`No setting ${name}`);
  return found;
}

async function opened(
  t: ExecutionContext,
  { options }: Setting,
  more: Partial<RpcHttpClientOptions> = {},
): Promise<RpcHttpClient> {
  const client = await RpcHttpClient.open(options(more));
  t.teardown(() => client.close());
  await client.bind();
  return client;
}

/** Everything that clients had there is gone. */
const emptied = async ({ open }: Setting): Promise<void> =>
  void (await until(
    () => open() === 0 || undefined,
    () => `no connection at the backend, and not ${open()}`,
    20_000,
  ));

for (const name of NAMES) {
  test(`${name}: both channels are replaced again and again, and no octet is lost`, async (t) => {
    const at = setting(name);
    for (const c1 of ["A6", "B3"] as const) {
      const client = await opened(t, at, { cut: inPieces, c1, expect: c1 === "B3" });
      const { IN_R1, IN_R2, OUT_R1, OUT_R2 } = client.recycled;
      t.is(IN_R1 + IN_R2 + OUT_R1 + OUT_R2, 0);
      await drive(client, () => {
        const { recycled: seen } = client;
        return seen.IN_R1 + seen.IN_R2 >= 12 && seen.OUT_R1 + seen.OUT_R2 >= 12;
      });
      t.log(JSON.stringify(client.recycled));
      if (name.endsWith("workers: 1")) t.is(client.recycled.IN_R1 + client.recycled.OUT_R1, 0);
      client.close();
    }
    await emptied(at);
    t.deepEqual(at.errors(), []);
  });
}

for (const [direction, state] of [
  ["in", "C2W"],
  ["in", "opened"],
  ["in", "A4W"],
  ["out", "A3W"],
  ["out", "C2W"],
  ["out", "opened"],
  ["out", "A6W"],
  ["out", "A10W"],
  ["out", "B3W"],
] as const) {
  for (const name of ["plain TCP, workers: 1", "plain TCP, workers: 2", "ncacn_http, workers: 2"]) {
    // Without another worker OUT_R1 does not happen.
    if (state === "A10W" && name.startsWith("plain TCP")) continue;
    test(`${name}: a channel that is cut when ${direction} is ${state} ends the other one, and what the backend has of it`, async (t) => {
      const at = setting(name);
      for (const killed of ["in", "out"] as const)
        t.regex(await killedAt(at, direction, state, killed), /is gone|refused|answered/);
      await emptied(at);
      const next = await opened(t, at);
      await next.echo(100, 100);
      next.close();
      await emptied(at);
      // A successor may have been on its way by another worker when the rest of the connection ended.
      const isLate = (error: string): boolean => error.endsWith("for a connection that is not there");
      t.deepEqual(
        at.errors().filter((error) => !isLate(error)),
        [],
      );
    });
  }
}

/** How a client ended of which one direction was cut in that state. */
async function killedAt(at: Setting, direction: Direction, state: InState | OutState, killed: Direction): Promise<string> {
  for (let attempt = 0; attempt < 30; attempt += 1) {
    let isKilled = false;
    const client = new RpcHttpClient(
      at.options({
        onState(changed, now) {
          if (isKilled || changed !== direction || now !== state) return;
          isKilled = true;
          // Behind whatever it still sends in this state.
          setImmediate(() => client.kill(killed));
        },
      }),
    );
    const enough = (): boolean => isKilled || client.recycled.OUT_R2 + client.recycled.OUT_R1 > 3;
    await client
      .opened()
      .then(() => client.bind())
      .then(() => drive(client, enough))
      .catch(() => {});
    if (isKilled) return (await client.ended)?.message ?? "";
    client.close();
  }
  return `${direction} was never ${state}`;
}

test("plain TCP, workers: 2: 1,000 virtual connections at once answer each call, and each has its own connection", async (t) => {
  const at = setting("plain TCP, workers: 2");
  const memory = (): number => memoryKb(at.gateways[0]?.pid ?? 0);
  const before = memory();
  const clients: RpcHttpClient[] = [];
  t.teardown(() => clients.forEach((client) => client.close()));
  for (let batch = 0; batch < 20; batch += 1)
    clients.push(...(await Promise.all(Array.from({ length: 50 }, () => opened(t, at, { window: 16 * 1024 })))));
  t.is(tcp.connections().length, 1000);
  t.is(new Set(tcp.connections().map(({ group }) => group)).size, 1000);
  t.log(`${(memory() - before) / 1000} kB for each`);
  await Promise.all(clients.map((client) => client.echo(3000, 9000)));
  t.deepEqual(at.errors(), []);
  for (const client of clients) client.close();
  await emptied(at);
});

test("the client's window holds the backend back, and nothing is lost when it reads on", async (t) => {
  for (const name of ["plain TCP, workers: 1", "ncacn_http, workers: 1"]) {
    const client = await opened(t, setting(name), { window: 16 * 1024 });
    client.pause();
    const answers = Promise.all(Array.from({ length: 20 }, () => client.echo(100, 30_000)));
    // More than its window would end the client.
    await Promise.race([answers, client.ended, new Promise((resolve) => setTimeout(resolve, 500))]);
    client.resume();
    await answers;
    client.close();
  }
  t.pass();
});

for (const direction of ["in", "out"] as const) {
  test(`a backend's ${direction} connection that is lost ends both channels, and the next client is served`, async (t) => {
    for (const name of ["plain TCP, workers: 2", "ncacn_http, workers: 2"]) {
      const at = setting(name);
      const client = await opened(t, at);
      if (name.startsWith("plain TCP")) tcp.cut();
      else ncacn.connections.get(client.cookies.connection)?.cut(direction);
      // IN may still be told why: nothing was answered on it.
      t.regex((await client.ended)?.message ?? "", /^(IN was answered: 503 RPC Error: 6ba|(IN|OUT) is gone)/);
      await emptied(at);
      const next = await opened(t, at);
      await next.echo(100, 100);
      next.close();
    }
  });
}

test("with the smallest windows on all sides nothing stands still", async (t) => {
  const small = await startNcacnHttpServer({ window: 8192 });
  t.teardown(() => small.stop());
  for (const [backend, port] of [
    [`ncacn_ip_tcp://127.0.0.1:${tcp.port}`, 6001],
    [`ncacn_http://127.0.0.1:${small.port}`, small.port],
  ] as const) {
    const gateway = await startRpcGateway({ backend: { "rpc-http": backend }, settings: { window: "8kB", ports: [port] } });
    try {
      const target = `/rpc/rpcproxy.dll?server:${port}`;
      const client = await RpcHttpClient.open(clientOf(gateway, { target, window: 8192, cut: inPieces }));
      await client.bind();
      await drive(client, () => client.recycled.IN_R2 >= 3 && client.recycled.OUT_R2 >= 3);
      client.close();
    } finally {
      await gateway.stop();
    }
  }
  t.deepEqual(small.errors, []);
});
