// RPC over HTTP under attack, through the real program: cookies of others, cookies that were used before, and octets that the
// protocol does not allow. Whoever sends them ends at most a virtual connection of their own.

import { randomBytes } from "node:crypto";
import test, { type ExecutionContext } from "ava";
import {
  bindPdu,
  DESTINATIONS,
  HttpChannel,
  RpcHttpClient,
  rtsNames,
  rtsPdu,
  startEchoRpcServer,
  startNcacnHttpServer,
  type EchoRpcServer,
  type NcacnHttpServer,
  type RtsValues,
} from "@postern/testing";
import { basic } from "./curl.ts";
import type { Gateway } from "./gateway-process.ts";
import { ALICE, authority, BOB } from "./mailboxes.ts";
import { clientOf, drive, startRpcGateway } from "./rpc-scene.ts";
import { stopAll } from "./together.ts";

let tcp: EchoRpcServer;
let ncacn: NcacnHttpServer;
const gateways = new Map<string, Gateway>();

test.before(async () => {
  [tcp, ncacn] = await Promise.all([startEchoRpcServer(), startNcacnHttpServer()]);
  const settings = { joinTimeout: "2s", openTimeout: "2s" };
  for (const workers of [1, 2])
    gateways.set(
      `plain TCP, workers: ${workers}`,
      await startRpcGateway({ workers, settings, backend: { "rpc-http": `ncacn_ip_tcp://127.0.0.1:${tcp.port}` } }),
    );
  gateways.set(
    "ncacn_http, workers: 1",
    await startRpcGateway({
      settings: { ...settings, ports: [ncacn.port] },
      backend: { "rpc-http": `ncacn_http://127.0.0.1:${ncacn.port}` },
    }),
  );
});

test.after.always(() => stopAll([...gateways.values(), tcp, ncacn]));

const NAMES = ["plain TCP, workers: 1", "plain TCP, workers: 2", "ncacn_http, workers: 1"];

function gatewayOf(name: string): Gateway {
  const gateway = gateways.get(name);
  if (gateway === undefined) throw new Error(`No gateway ${name}`);
  return gateway;
}

const targetOf = (name: string): string => `/rpc/rpcproxy.dll?server:${name.startsWith("plain TCP") ? 6001 : ncacn.port}`;

async function opened(t: ExecutionContext, name: string): Promise<RpcHttpClient> {
  const client = await RpcHttpClient.open(clientOf(gatewayOf(name), { target: targetOf(name) }));
  t.teardown(() => client.close());
  await client.bind();
  return client;
}

interface Attempt {
  readonly method: "RPC_IN_DATA" | "RPC_OUT_DATA";
  readonly bytes: Buffer;
  /** Alice by default. */
  readonly authorization?: string;
  /** Octets of the body. */
  readonly length?: number;
}

/** Opens a channel with these octets; all that it was told, until the gateway ends it. */
function told(t: ExecutionContext, name: string, { method, bytes, authorization, length }: Attempt): Promise<string[]> {
  const { port, ca } = clientOf(gatewayOf(name));
  return new Promise((resolve) => {
    const heard: string[] = [];
    const channel = new HttpChannel(
      {
        port: Number(port),
        ca: ca ?? authority.cert,
        method,
        target: targetOf(name),
        length: length ?? (method === "RPC_IN_DATA" ? 1_048_576 : bytes.length),
        authorization: authorization ?? basic(ALICE),
      },
      {
        head: ({ status, reason }) => void heard.push(`${status} ${reason}`),
        pdu: (pdu) => void heard.push(rtsNames(pdu)),
        over: () => resolve(heard),
      },
    );
    t.teardown(() => channel.kill());
    channel.send(bytes);
  });
}

const cookie = (): string => randomBytes(16).toString("hex");
const NUMBERS = { window: 65_536, lifetime: 1_048_576, keepAlive: 300_000 };
const a1 = (values: RtsValues): Buffer => rtsPdu("CONN/A1", { channel: cookie(), ...NUMBERS, ...values });
const b1 = (values: RtsValues): Buffer => rtsPdu("CONN/B1", { channel: cookie(), group: cookie(), ...NUMBERS, ...values });
const successor = (values: RtsValues): RtsValues => ({ successor: cookie(), ...NUMBERS, ...values });

/** An acknowledgement of the client's OUT channel. */
const ack =
  (received: number, available: number) =>
  (client: RpcHttpClient): Buffer =>
    rtsPdu("FlowControlAckWithDestination", {
      destination: DESTINATIONS.outProxy,
      channel: client.cookies.out,
      received,
      available,
    });

/** Nothing but a refusal, or an end without a word. */
const isRefused = (heard: readonly string[]): boolean =>
  heard.every((one) => /^(503 RPC Error: |400 |408 )/.test(one)) && heard.length <= 1;

for (const name of NAMES) {
  test(`${name}: cookies of somebody else open nothing, and take nothing over`, async (t) => {
    const alice = await opened(t, name);
    const { connection, in: inCookie, out: outCookie } = alice.cookies;
    const authorization = basic(BOB);
    const inTakeover = rtsPdu("IN_R1/A1", successor({ connection, predecessor: inCookie }));
    const outTakeover = rtsPdu("OUT_R1/A3", successor({ connection, predecessor: outCookie }));
    t.true(isRefused(await told(t, name, { method: "RPC_IN_DATA", bytes: inTakeover, authorization })));
    t.true(isRefused(await told(t, name, { method: "RPC_OUT_DATA", bytes: outTakeover, authorization, length: 120 })));
    // Hers goes on, and its channels are replaced as before.
    await drive(alice, () => alice.recycled.IN_R2 >= 2 && alice.recycled.OUT_R2 >= 2);
  });

  test(`${name}: the other half of somebody else's connection cannot be had`, async (t) => {
    const connection = cookie();
    const [out, into] = await Promise.all([
      told(t, name, { method: "RPC_OUT_DATA", bytes: a1({ connection }) }),
      told(t, name, {
        method: "RPC_IN_DATA",
        bytes: Buffer.concat([b1({ connection }), bindPdu({ callId: 1 })]),
        authorization: basic(BOB),
      }),
    ]);
    // Both wait for a half of their own until they wait no longer. CONN/A3 comes at once; CONN/C2 would say that both are there.
    t.false(
      out.some((one) => one.includes("CONN/C2")),
      out.join(),
    );
    t.true(isRefused(into), into.join());
  });

  test(`${name}: cookies that are in use, or were, are refused a second time`, async (t) => {
    const alice = await opened(t, name);
    const { connection, in: inCookie } = alice.cookies;
    await drive(alice, () => alice.recycled.IN_R2 >= 1);
    t.not(alice.cookies.in, inCookie);
    for (const [method, bytes] of [
      ["RPC_IN_DATA", rtsPdu("IN_R1/A1", successor({ connection, predecessor: inCookie }))],
      ["RPC_IN_DATA", rtsPdu("IN_R1/A1", successor({ connection, predecessor: cookie() }))],
      ["RPC_OUT_DATA", a1({ connection })],
      ["RPC_IN_DATA", b1({ connection })],
    ] as const) {
      const heard = await told(t, name, { method, bytes });
      t.true(isRefused(heard), heard.join());
    }
    t.true(
      isRefused(
        await told(t, name, {
          method: "RPC_IN_DATA",
          bytes: rtsPdu("IN_R1/A1", successor({ connection: cookie(), predecessor: cookie() })),
        }),
      ),
    );
    // Whatever became of hers: nothing of it reached another one.
    const next = await opened(t, name);
    await next.echo(1000, 1000);
  });

  test(`${name}: what the protocol does not allow on IN ends that virtual connection alone`, async (t) => {
    const other = await opened(t, name);
    for (const [what, bytes] of [
      ["an acknowledgement beyond what was sent", ack(2 ** 31, 65_536)],
      ["an acknowledgement beyond the window", ack(0, 2 ** 31)],
      ["CONN/B1 again", b1({ connection: cookie() })],
      ["a PDU of the server", rtsPdu("CONN/B3", NUMBERS)],
      ["an RTS PDU of no shape", Buffer.from("0500140310000000180000000000000000000100ffffffff", "hex")],
      ["a PDU that is shorter than its head", Buffer.from("05000003100000000f00000001000000", "hex")],
      ["another version of RPC", Buffer.from("04000003100000001800000001000000", "hex")],
      ["no PDU at all", Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")],
    ] as const) {
      const client = await opened(t, name);
      const forged = typeof bytes === "function" ? bytes(client) : bytes;
      client.forge(forged);
      t.regex((await client.ended)?.message ?? "", /is gone|answered/, what);
      await other.echo(100, 100);
    }
  });
}

test("an acknowledgement of a channel that never was is passed over", async (t) => {
  for (const name of NAMES) {
    const client = await opened(t, name);
    const { outProxy: destination } = DESTINATIONS;
    client.forge(rtsPdu("FlowControlAckWithDestination", { destination, channel: cookie(), received: 7, available: 7 }));
    await client.echo(10_000, 100_000);
  }
  t.pass();
});
