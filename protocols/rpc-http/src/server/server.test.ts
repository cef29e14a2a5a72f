import test, { type ExecutionContext } from "ava";
import { RpcHttpClient, type EchoRpcServer, type RpcHttpClientOptions } from "@postern/testing";
import { echoServer, rpcLeg, startWorker, type PartsOptions, type Worker } from "./test/scene.ts";

const KB = 1024;

interface Scene {
  readonly server: EchoRpcServer;
  readonly worker: Worker;
  readonly open: (options?: Partial<RpcHttpClientOptions>) => Promise<RpcHttpClient>;
}

async function scene(t: ExecutionContext, settings: PartsOptions["settings"] = {}): Promise<Scene> {
  const server = await echoServer(t);
  const worker = await startWorker(t, { legs: [rpcLeg(server.port, { backend: "server" })], settings });
  return {
    server,
    worker,
    async open(options) {
      const client = new RpcHttpClient({ port: worker.port, ...options });
      t.teardown(() => client.close());
      await client.opened();
      return client;
    },
  };
}

test("server: calls go to a plain TCP server and come back, octet for octet", async (t) => {
  const { open, server } = await scene(t);
  const client = await open();
  await client.bind();
  for (const [up, down] of [
    [4, 4],
    [100, 10_000],
    [300 * KB, 10],
    [10, 300 * KB],
    [200 * KB, 200 * KB],
  ] as const)
    await client.echo(up, down);
  t.is(server.accepted, 1);
  t.deepEqual(server.errors, []);
});

test("server: both channels are replaced again and again, and nothing is lost", async (t) => {
  const { open, server, worker } = await scene(t, { channelLifetime: 128 * KB, window: 16 * KB });
  const client = await open({ lifetime: 128 * KB, window: 16 * KB });
  await client.bind();
  for (let call = 0; call < 60; call++) await Promise.all([client.echo(30 * KB, 20 * KB), client.echo(10, 10 * KB)]);
  t.true(client.recycled.IN_R2 > 10, String(client.recycled.IN_R2));
  t.true(client.recycled.OUT_R2 > 10, String(client.recycled.OUT_R2));
  t.is(client.recycled.IN_R1 + client.recycled.OUT_R1, 0);
  t.is(server.accepted, 1);
  t.deepEqual(worker.failures, []);
});
