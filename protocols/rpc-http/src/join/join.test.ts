import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { once } from "node:events";
import test, { type ExecutionContext } from "ava";
import { createFakeClock, freePorts, opens, rtsPdu, RpcHttpClient, type EchoRpcServer } from "@postern/testing";
import { echoServer, rpcLeg, startWorker, testState, type PartsOptions, type Worker } from "../server/test/scene.ts";

const KB = 1024;
const SMALL = { channelLifetime: 128 * KB, window: 16 * KB };

interface Scene {
  readonly server: EchoRpcServer;
  readonly workers: readonly Worker[];
}

/** The gateways of `of`, all in front of one echo server. */
async function scene(t: ExecutionContext, of: readonly Partial<PartsOptions>[]): Promise<Scene> {
  const server = await echoServer(t);
  const legs = [rpcLeg(server.port, { backend: "server" })];
  const workers: Worker[] = [];
  for (const options of of) workers.push(await startWorker(t, { ...options, legs }));
  // Doors between nodes open by and by; who came before would find the next node.
  for (const { parts } of workers) {
    const { address } = parts.settings.join;
    const port = Number(address?.split(":")[1]);
    for (let look = 0; address !== undefined && look < 1000 && !(await opens(port)); look++)
      await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return { server, workers };
}

/** Workers of one node. */
function workersOf(t: ExecutionContext, count: number): Promise<Scene> {
  const state = testState();
  return scene(
    t,
    Array.from({ length: count }, () => ({ state, settings: SMALL })),
  );
}

/** Nodes that know each other, of one worker each. */
async function nodesOf(t: ExecutionContext, count: number, rest: Partial<PartsOptions> = {}): Promise<Scene> {
  const nodes = (await freePorts(count)).map((port) => `127.0.0.1:${port}`);
  return scene(
    t,
    nodes.map((address) => ({ settings: { ...SMALL, join: { address, nodes } }, ...rest })),
  );
}

/** Each channel that the client opens goes to the next gateway. */
function spread(
  t: ExecutionContext,
  workers: readonly Worker[],
  options: Partial<ConstructorParameters<typeof RpcHttpClient>[0]> = {},
): RpcHttpClient {
  const turn = { next: 0 };
  const port = (): number => workers[turn.next++ % workers.length]?.port ?? 0;
  const client = new RpcHttpClient({ port, lifetime: 128 * KB, window: 16 * KB, ...options });
  t.teardown(() => client.close());
  return client;
}

for (const [title, gateways] of [
  ["workers of one node", workersOf],
  ["nodes without a common state", nodesOf],
] as const) {
  test(`join: channels that reach different ${title} are one virtual connection, through many changes of channels`, async (t) => {
    const { server, workers } = await gateways(t, 3);
    for (let round = 0; round < 4; round++) {
      const client = spread(t, workers);
      await client.opened();
      await client.bind();
      for (let call = 0; call < 20; call++) await Promise.all([client.echo(30 * KB, 20 * KB), client.echo(10, 10 * KB)]);
      t.true(client.recycled.IN_R2 > 3 && client.recycled.OUT_R2 > 3);
      client.close();
    }
    t.is(server.accepted, 4);
    t.deepEqual(server.errors, []);
  });

  test(`join: what one of the ${title} loses, the other ends`, async (t) => {
    const { server, workers } = await gateways(t, 2);
    for (const direction of ["in", "out"] as const) {
      const client = spread(t, workers);
      await client.opened();
      await client.bind();
      client.kill(direction);
      t.regex((await client.ended)?.message ?? "", direction === "in" ? /OUT/ : /IN/);
    }
    const client = spread(t, workers);
    await client.opened();
    server.cut();
    t.truthy(await client.ended);
  });
}

test("join: another user's channel with the same cookie joins nobody", async (t) => {
  const { workers } = await workersOf(t, 2);
  const client = spread(t, workers, { connection: "ab".repeat(16) });
  await client.opened();
  const other = spread(t, workers, { connection: "ab".repeat(16), authorization: "user bob@example.com" });
  await other.opened();
  await Promise.all([client.bind(), other.bind()]);
  await client.echo(10, 10);
  await other.echo(10, 10);
  t.pass();
});

test("join: a node that is down is passed over, by both channels alike", async (t) => {
  const [down = 0, first = 0, second = 0] = await freePorts(3);
  const nodes = [down, first, second].map((port) => `127.0.0.1:${port}`);
  const { workers } = await scene(
    t,
    nodes.slice(1).map((address) => ({ settings: { ...SMALL, join: { address, nodes } } })),
  );
  for (let round = 0; round < 6; round++) {
    const client = spread(t, workers);
    await client.opened();
    client.close();
  }
  t.pass();
});

test("join: a backend that cannot be reached is told to a client whose IN channel is elsewhere", async (t) => {
  const state = testState();
  const [port = 0] = await freePorts(1);
  const legs = [rpcLeg(port, { backend: "server" })];
  const workers = [await startWorker(t, { legs, state }), await startWorker(t, { legs, state })];
  const client = spread(t, workers);
  await t.throwsAsync(client.opened());
  t.true(workers.some(({ failures }) => failures.some(({ kind }) => kind === "backend-unreachable")));
});

test("join: who has not the key of the array gets no further than the handshake between nodes", async (t) => {
  const { workers } = await nodesOf(t, 1, {});
  const address = workers[0]?.parts.settings.join.address ?? "";
  const port = Number(address.split(":")[1]);
  for (const psk of [Buffer.alloc(32), undefined]) {
    const socket = connectTls({
      port,
      host: "127.0.0.1",
      ciphers: psk === undefined ? "DEFAULT" : "ECDHE-PSK-CHACHA20-POLY1305",
      maxVersion: "TLSv1.2",
      rejectUnauthorized: false,
      ...(psk !== undefined && { pskCallback: () => ({ psk, identity: "postern" }) }),
    });
    socket.on("secureConnect", () => t.fail());
    await t.throwsAsync(once(socket, "secureConnect"));
  }
  const plain = connect({ port, host: "127.0.0.1" });
  plain.end("no TLS at all\r\n\r\n");
  plain.resume();
  await once(plain, "close");
});

test("join: octets come through two nodes unchanged, in whatever pieces they come", async (t) => {
  const { workers, server } = await nodesOf(t, 2);
  const cut = (bytes: Buffer): Buffer[] => {
    const pieces: Buffer[] = [];
    for (let at = 0; at < bytes.length;) {
      const size = 1 + Math.floor(Math.random() * 3000);
      pieces.push(bytes.subarray(at, at + size));
      at += size;
    }
    return pieces;
  };
  const client = spread(t, workers, { cut, c1: "B3" });
  await client.opened();
  await client.bind();
  for (let call = 0; call < 20; call++) await client.echo(40 * KB, 40 * KB);
  t.deepEqual(server.errors, []);
});

test("join: who knows the door of a worker, and not the key, is turned away without a word", async (t) => {
  const claims: string[] = [];
  const state = testState();
  const { workers } = await scene(t, [
    { state: { ...state, claim: (key, value, ttl) => (claims.push(key, value), state.claim(key, value, ttl)) } },
  ]);
  const client = spread(t, workers);
  await client.opened();
  const [key = "", path = ""] = claims;
  t.notRegex(key, new RegExp(`alice|${client.cookies.connection}`));
  const socket = connect({ path });
  const heard: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => heard.push(chunk));
  socket.write(Buffer.concat([Buffer.of(0, 2), Buffer.from("{}"), Buffer.alloc(32)]));
  await once(socket, "close");
  t.deepEqual(heard, []);
  await client.bind();
});

test("join: channels are passed on for a user with hundreds of candidates", async (t) => {
  const state = testState();
  const server = await echoServer(t);
  const names = ["server", ...Array.from({ length: 400 }, (_, index) => `a-long-name-of-a-backend-${index}`)];
  const legs = names.map((backend) => rpcLeg(server.port, { backend }));
  const client = spread(t, [await startWorker(t, { legs, state }), await startWorker(t, { legs, state })]);
  await client.opened();
  await client.bind();
  await client.echo(10, 10);
  t.pass();
});

test("join: why an OUT channel that was passed on has ended is in a log, wherever it lived", async (t) => {
  const clock = createFakeClock();
  const { workers } = await nodesOf(t, 2, { clock });
  const [first, second] = workers;
  // Of so many some live at either node.
  const COUNT = 40;
  const sockets = await Promise.all(
    Array.from({ length: COUNT }, async (_, index) => {
      const socket = connect({ port: first?.port ?? 0, host: "127.0.0.1" });
      const a1 = rtsPdu("CONN/A1", { connection: String(10 + index).repeat(16), channel: "ab".repeat(16), window: 64 * KB });
      socket.write("RPC_OUT_DATA /rpc/rpcproxy.dll?server:6001 HTTP/1.1\r\nContent-Length: 76\r\n\r\n");
      socket.write(a1);
      await once(socket, "data");
      return socket;
    }),
  );
  const over = Promise.all(sockets.map((socket) => once(socket.resume(), "close")));
  for (let minute = 0; minute < 3; minute++) await clock.advance(60_000);
  await over;
  const isIdle = ({ kind }: { readonly kind?: unknown }): boolean => kind === "idle";
  const passedOn = second?.parts.logger.records.filter(({ fields }) => isIdle(fields ?? {})) ?? [];
  t.true(passedOn.length > 0);
  t.is(passedOn.length + (first?.failures.filter(isIdle).length ?? 0), COUNT);
});
