// The load of RPC over HTTP on a proxy. All octets were counted at the other end, or the measure fails. CPU is that of the proxy's
// whole process tree.

import { setTimeout as wait } from "node:timers/promises";
import { cpuSeconds, pssKilobytes } from "../processes.ts";
import type { Running } from "../proxies.ts";
import { VirtualConnection, type RpcTarget } from "./client.ts";

const STREAMS = 4;
const GB = 1e9;
const AT_ONCE = 20;
const WARM_UP = 100;

/** CPU seconds of the proxy per GB of RPC, over four virtual connections at once. */
export async function rpcPerGB(proxy: Running, target: RpcTarget, direction: "down" | "up", bytes: number): Promise<number> {
  const streams = await Promise.all(Array.from({ length: STREAMS }, () => VirtualConnection.open(target)));
  const each = Math.floor(bytes / STREAMS);
  try {
    const before = cpuSeconds(proxy.pid);
    await Promise.all(streams.map((stream) => (direction === "down" ? stream.download(each) : stream.upload(each))));
    return (cpuSeconds(proxy.pid) - before) / ((each * STREAMS) / GB);
  } finally {
    for (const stream of streams) stream.close();
  }
}

/** kB (PSS) per virtual connection that is open and idle, above the proxy at rest. */
export async function perIdleVirtual(proxy: Running, target: RpcTarget, count: number, settleMs: number): Promise<number> {
  for (const one of await openMany(target, WARM_UP)) one.close();
  // What they have left behind is collected when a process has rested: before the first weighing too.
  await wait(settleMs);
  const before = pssKilobytes(proxy.pid);
  const open = await openMany(target, count);
  try {
    await wait(settleMs);
    const ended = open.filter((one) => !one.isOpen).length;
    if (ended > 0) throw new Error(`${ended} of ${count} virtual connections were ended`);
    return (pssKilobytes(proxy.pid) - before) / count;
  } finally {
    for (const one of open) one.close();
    await wait(1000);
  }
}

async function openMany(target: RpcTarget, count: number): Promise<VirtualConnection[]> {
  const open: VirtualConnection[] = [];
  try {
    while (open.length < count) {
      const some = Math.min(AT_ONCE, count - open.length);
      open.push(...(await Promise.all(Array.from({ length: some }, () => VirtualConnection.open(target)))));
    }
  } catch (error) {
    for (const one of open) one.close();
    throw error;
  }
  return open;
}
