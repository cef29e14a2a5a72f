// Measures RPC over HTTP: Postern in front of each kind of backend, each in turns with HAProxy relaying the same two channels.

import { join } from "node:path";
import type { MailReport } from "../mail/mail.ts";
import { SETTLE } from "../measures.ts";
import { LOAD_CORE, portOpen, startPinned, stop } from "../processes.ts";
import { startRow, type Running } from "../proxies.ts";
import type { Site } from "../site.ts";
import type { RpcTarget } from "./client.ts";
import { perIdleVirtual, rpcPerGB } from "./load.ts";
import { AUTHORIZATION, HAPROXY, KINDS, type RpcRow, type RpcSite } from "./proxies.ts";

interface Measure {
  readonly name: string;
  readonly rounds: number;
  readonly take: (proxy: Running, target: RpcTarget) => Promise<number>;
}

const MB = 1e6;
const VIRTUALS = 1000;

function measuresOf(quick: boolean, rounds: number): readonly Measure[] {
  const bytes = quick ? 400 * MB : 1000 * MB;
  return [
    { name: "CPU s/GB down", rounds, take: (proxy, target) => rpcPerGB(proxy, target, "down", bytes) },
    { name: "CPU s/GB up", rounds, take: (proxy, target) => rpcPerGB(proxy, target, "up", bytes) },
    {
      name: `kB per idle connection, ${VIRTUALS} of them`,
      rounds: 1,
      take: (proxy, target) => perIdleVirtual(proxy, target, VIRTUALS, SETTLE),
    },
  ];
}

/** Runs all measures of RPC. A kind of backend that fails is noted, and the others go on. */
export async function measureRpc(site: Site, quick: boolean, rounds: number, report: MailReport): Promise<void> {
  const ports = { httpPort: await site.freePort(), ncacnPort: await site.freePort(), tcpPort: await site.freePort() };
  const command = [process.execPath, join(import.meta.dirname, "backend.ts"), ...Object.values(ports).map(String)];
  const backend = startPinned(LOAD_CORE, command, join(site.folder, "rpc-backend.log"));
  try {
    await portOpen(backend, ports.tcpPort);
    for (const [kind, row] of KINDS) {
      try {
        await measureKind(kind, [row, HAPROXY], { ...site, ...ports }, measuresOf(quick, rounds), report);
      } catch (error) {
        report.note(row.name, `rpc, ${kind}`, error);
      }
    }
  } finally {
    await stop(backend);
  }
}

async function measureKind(
  kind: string,
  rows: readonly RpcRow[],
  site: RpcSite,
  measures: readonly Measure[],
  { add }: MailReport,
): Promise<void> {
  const running = new Map<RpcRow, Running>();
  try {
    for (const row of rows) running.set(row, await startRow(row.name, site, (folder, port) => row.launch(site, folder, port)));
    for (const { name, rounds, take } of measures) {
      // The first one warms up.
      for (let round = rounds === 1 ? 1 : 0; round <= rounds; round++) {
        for (const [row, proxy] of running) {
          const target = { port: proxy.port, ca: site.ca, rpcPort: row.rpcPort(site), authorization: AUTHORIZATION };
          const figure = await take(proxy, target);
          if (round > 0) add(row.name, `rpc, ${kind}: ${name}`, figure);
        }
      }
    }
  } finally {
    for (const proxy of running.values()) await proxy.stop();
  }
}
