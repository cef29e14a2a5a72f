// A gateway in this process over backends that are plain sockets: what a reload keeps of what is known of them.

import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import test, { type ExecutionContext } from "ava";
import { loadConfig } from "@postern/config";
import type { Logger } from "@postern/contracts";
import { createMemoryState } from "@postern/state";
import { until } from "../test/until.ts";
import { Gateway } from "./gateway.ts";
import { PARTS, type GatewayConfig } from "./parts.ts";

interface Backend {
  readonly port: number;
  /** Greets who connects; otherwise hangs up. */
  greets: boolean;
  /** Connections so far. */
  connections(): number;
}

async function backend(t: ExecutionContext): Promise<Backend> {
  const sockets = new Set<Socket>();
  let count = 0;
  const server = createServer((socket) => {
    count += 1;
    sockets.add(socket.on("error", () => {}).on("close", () => sockets.delete(socket)));
    if (made.greets) socket.write("* OK ready\r\n");
    else socket.destroy();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const made: Backend = { port: (server.address() as AddressInfo).port, greets: false, connections: () => count };
  return made;
}

interface Settings {
  readonly backends: Readonly<Record<string, Backend>>;
  readonly rise?: number;
  readonly listen?: number;
}

function config({ backends, rise = 1, listen = 0 }: Settings): GatewayConfig {
  const legs = Object.entries(backends).map(([name, { port }]) => [name, { imap: `imap://127.0.0.1:${port}` }]);
  const text = JSON.stringify({
    listeners: [{ protocol: "imap", address: `127.0.0.1:${listen}`, tls: "none" }],
    backends: Object.fromEntries(legs),
    routes: [{ source: "static", default: Object.keys(backends) }],
    health: { interval: "100ms", timeout: "100ms", fall: 1, rise },
    shutdown: { drain: "0s" },
  });
  const result = loadConfig({ text, parts: PARTS });
  if ("problems" in result) throw new Error(result.problems.join("\n"));
  return result.config;
}

interface Running {
  readonly gateway: Gateway;
  /** What the log says of backends: "mbx1 down". */
  readonly told: readonly string[];
}

function running(t: ExecutionContext): Running {
  const told: string[] = [];
  const note = (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
    const state = /^A backend is (up|down)$/.exec(message)?.[1];
    if (state !== undefined) told.push(`${String(fields["leg"]).split(" ")[0]} ${state}`);
  };
  const logger: Logger = { error: note, warn: note, info: note, debug: note, isDebug: () => false };
  const gateway = new Gateway({
    logger,
    state: createMemoryState(),
    shared: { ticketKeys: randomBytes(48), selfSigned: undefined },
    listen: { shared: false, first: true, sockets: new Map() },
  });
  t.teardown(() => gateway.drain());
  return { gateway, told };
}

const isTold = ({ told }: Running, what: string): Promise<unknown> =>
  until(
    () => told.includes(what) || undefined,
    () => `${what}; told: ${told.join(", ")}`,
  );

/** Waits until it was probed so often from now on. */
async function probed(backend: Backend, times: number): Promise<void> {
  const target = backend.connections() + times;
  await until(
    () => backend.connections() >= target || undefined,
    () => `${times} probes`,
  );
}

test("reload: what is known of a backend stays, and it is probed on", async (t) => {
  const mbx1 = await backend(t);
  const mbx2 = await backend(t);
  const it = running(t);
  await it.gateway.apply(config({ backends: { mbx1 } }));
  await isTold(it, "mbx1 down");
  await it.gateway.apply(config({ backends: { mbx1, mbx2 } }));
  await isTold(it, "mbx2 down");
  await probed(mbx1, 3);
  t.deepEqual(it.told, ["mbx1 down", "mbx2 down"]);
  mbx1.greets = true;
  await isTold(it, "mbx1 up");
});

test("reload: a backend that is gone is not probed any more", async (t) => {
  const mbx1 = await backend(t);
  const mbx2 = await backend(t);
  const it = running(t);
  await it.gateway.apply(config({ backends: { mbx1, mbx2 } }));
  await isTold(it, "mbx1 down");
  await isTold(it, "mbx2 down");
  await it.gateway.apply(config({ backends: { mbx2 } }));
  await probed(mbx2, 2);
  const before = mbx1.connections();
  await probed(mbx2, 4);
  t.is(mbx1.connections(), before);
});

test("reload: with other health settings the backends are judged anew, by one monitor", async (t) => {
  const mbx1 = await backend(t);
  const it = running(t);
  await it.gateway.apply(config({ backends: { mbx1 } }));
  await isTold(it, "mbx1 down");
  await it.gateway.apply(config({ backends: { mbx1 }, rise: 2 }));
  await probed(mbx1, 4);
  t.deepEqual(it.told, ["mbx1 down", "mbx1 down"]);
});

test("reload: one that cannot be applied changes nothing of what is known and probed", async (t) => {
  const mbx1 = await backend(t);
  const mbx2 = await backend(t);
  const it = running(t);
  await it.gateway.apply(config({ backends: { mbx1 } }));
  await isTold(it, "mbx1 down");
  // The port of a backend is taken.
  const impossible = config({ backends: { mbx2 }, listen: mbx1.port });
  await t.throwsAsync(it.gateway.apply(impossible), { message: /Cannot listen on 127\.0\.0\.1/ });
  await probed(mbx1, 2);
  mbx1.greets = true;
  await isTold(it, "mbx1 up");
  t.deepEqual(it.told, ["mbx1 down", "mbx1 up"]);
  t.is(mbx2.connections(), 0);
});

test("drain: no backend is probed afterwards", async (t) => {
  const mbx1 = await backend(t);
  const it = running(t);
  await it.gateway.apply(config({ backends: { mbx1 } }));
  await it.gateway.apply(config({ backends: { mbx1 } }));
  await probed(mbx1, 1);
  await it.gateway.drain();
  const before = mbx1.connections();
  const other = running(t);
  const mbx2 = await backend(t);
  await other.gateway.apply(config({ backends: { mbx2 } }));
  await probed(mbx2, 4);
  t.true(mbx1.connections() <= before + 1, "a probe that was under way may have arrived late");
});
