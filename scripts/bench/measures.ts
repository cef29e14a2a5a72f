// The measures. Each takes a running proxy and resolves with figures; each checks that the work was really done.
// CPU is that of the proxy's whole process tree.

import { setTimeout as wait } from "node:timers/promises";
import { login } from "./client.ts";
import type { Session, Target } from "./client.ts";
import { cpuSeconds, pssKilobytes } from "./processes.ts";
import type { Running } from "./proxies.ts";

const STREAMS = 4;
const GB = 1e9;
export const SETTLE = 40_000; // what a login leaves behind is collected when a process has rested
const AT_ONCE = 32;

/** Source addresses 127.0.0.2 … 127.0.0.201, so that ports do not run out. */
const source = (index: number): string => `127.0.0.${2 + (index % 200)}`;

/** CPU seconds of the proxy per GB, over four sessions at once. */
export async function bulk(proxy: Running, target: Target, direction: "down" | "up", bytes: number): Promise<number> {
  const sessions = await Promise.all(Array.from({ length: STREAMS }, () => login(target)));
  const each = Math.floor(bytes / STREAMS);
  const before = cpuSeconds(proxy.pid);
  await Promise.all(sessions.map((session) => (direction === "down" ? session.download(each) : session.upload(each))));
  const spent = cpuSeconds(proxy.pid) - before;
  await Promise.all(sessions.map((session) => session.close()));
  return spent / ((each * STREAMS) / GB);
}

export interface LoginFigures {
  /** CPU milliseconds of the proxy per login. */
  readonly cpu: number;
  /** Latency, milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Share of logins that resumed a TLS session, 0 to 1. */
  readonly resumed: number;
}

/** Logins one at a time: connect, TLS, LOGIN, tagged OK, close. */
export async function logins(proxy: Running, target: Target, count: number, resume: boolean): Promise<LoginFigures> {
  const times: number[] = [];
  let resumed = 0;
  let ticket: Buffer | undefined;
  const before = cpuSeconds(proxy.pid);
  for (let index = 0; index < count; index++) {
    const session = await login(target, { ticket: resume ? ticket : undefined, from: source(index) });
    times.push(session.milliseconds);
    if (session.resumed) resumed++;
    ticket = session.ticket() ?? ticket;
    await session.close();
  }
  await wait(100);
  const cpu = ((cpuSeconds(proxy.pid) - before) * 1000) / count;
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { cpu, p50: at(0.5), p99: at(0.99), resumed: resumed / count };
}

/** Logins a second, 32 clients at a time, new TLS sessions. The load generator may be the limit: see docs/benchmark.md. */
export async function loginRate(target: Target, count: number): Promise<number> {
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < count) await (await login(target, { from: source(next++) })).close();
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  return count / ((performance.now() - began) / 1000);
}

export interface MemoryFigure {
  readonly sessions: number;
  /** kB (PSS) per session above the figure before the first. */
  readonly perSession: number;
}

/** Holds logged-in sessions idle and weighs the proxy at each count. */
export async function memory(proxy: Running, target: Target, counts: readonly number[]): Promise<MemoryFigure[]> {
  await logins(proxy, target, 200, false);
  await wait(1000);
  const before = pssKilobytes(proxy.pid);
  const open: Session[] = [];
  const figures: MemoryFigure[] = [];
  try {
    for (const sessions of counts) {
      while (open.length < sessions) {
        const some = Math.min(AT_ONCE, sessions - open.length);
        open.push(
          ...(await Promise.all(
            Array.from({ length: some }, (_, index) => login(target, { from: source(open.length + index) })),
          )),
        );
      }
      await wait(SETTLE);
      if (open.some((session) => session.socket.destroyed))
        throw new Error(`the proxy dropped sessions before ${sessions} were up`);
      figures.push({ sessions, perSession: (pssKilobytes(proxy.pid) - before) / sessions });
    }
  } finally {
    await Promise.all(open.map((session) => session.close()));
  }
  return figures;
}
