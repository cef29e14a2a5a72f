// A real HAProxy in a folder of its own, for tests: passes TCP on with a PROXY header. Stopped by its handle.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "@postern/testing";
import { launch } from "./gateway-process.ts";
import { until } from "./until.ts";
import { Talk } from "./clients.ts";

export interface Haproxy {
  /** Where it takes connections, in the order of `servers`. */
  readonly ports: readonly number[];
  stop(): Promise<void>;
}

export interface HaproxyServer {
  readonly port: number;
  /** "send-proxy", "send-proxy-v2 check" … */
  readonly options: string;
}

/** Starts it; resolves when it takes connections. */
export async function startHaproxy(servers: readonly HaproxyServer[]): Promise<Haproxy> {
  const folder = await mkdtemp(join(tmpdir(), "haproxy-"));
  const ports = await freePorts(servers.length);
  const proxies = servers.map(
    ({ port, options }, index) =>
      `listen l${index}\n  bind 127.0.0.1:${ports[index]}\n  server gateway 127.0.0.1:${port} ${options}\n`,
  );
  const defaults = "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1m\n  timeout server 1m\n";
  const file = join(folder, "haproxy.cfg");
  await writeFile(file, `global\n  maxconn 1000\n${defaults}${proxies.join("")}`);
  const running = launch(["/usr/sbin/haproxy", "-db", "-f", file]);
  const stop = async (): Promise<void> => {
    running.signal("SIGINT");
    await running.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await until(
      async () => ((await Promise.all(ports.map(takesConnections))).every(Boolean) ? true : undefined),
      () => running.written(),
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { ports, stop };
}

async function takesConnections(port: number): Promise<boolean> {
  try {
    (await Talk.open({ port, tls: false })).close();
    return true;
  } catch {
    return false;
  }
}
