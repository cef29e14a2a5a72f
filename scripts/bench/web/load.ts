// The load on a web proxy, over TLS. Each request was answered whole, or the measure fails. CPU is that of the proxy's whole
// process tree.

import { execFile } from "node:child_process";
import { Agent, request } from "node:https";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";
import { cpuSeconds, pssKilobytes } from "../processes.ts";
import type { Running } from "../proxies.ts";

export interface WebTarget {
  readonly port: number;
  readonly ca: Buffer;
}

const run = promisify(execFile);
const CONNECTIONS = 32;
const STREAMS = 4;
const GB = 1e9;
const AT_ONCE = 50;

/** Requests for 1 kB on kept-alive connections, per CPU second of the proxy. wrk makes them. */
export async function requestsPerCpuSecond(proxy: Running, seconds: number): Promise<number> {
  const url = `https://127.0.0.1:${proxy.port}/small`;
  const before = cpuSeconds(proxy.pid);
  const { stdout } = await run("wrk", ["-t1", `-c${CONNECTIONS}`, `-d${seconds}s`, url]);
  const spent = cpuSeconds(proxy.pid) - before;
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`wrk: ${stdout.trim().split("\n").slice(-4).join("; ")}`);
  return Number(/(\d+) requests in/.exec(stdout)?.[1]) / spent;
}

/** CPU seconds of the proxy per GB of bodies, four streams at once. */
export async function perGB(proxy: Running, target: WebTarget, direction: "down" | "up", bytes: number): Promise<number> {
  const each = Math.floor(bytes / STREAMS);
  const before = cpuSeconds(proxy.pid);
  await Promise.all(
    Array.from({ length: STREAMS }, () => (direction === "down" ? download(target, each) : upload(target, each))),
  );
  return (cpuSeconds(proxy.pid) - before) / ((each * STREAMS) / GB);
}

/**
 * kB (PSS) that one more held poll takes: what `many` of them weigh above `few`. What requests have left behind, and what a process has
 * ready for the first of them, is in both.
 */
export async function perHeldPoll(
  proxy: Running,
  target: WebTarget,
  [few, many]: readonly [number, number],
  settleMs: number,
): Promise<number> {
  // With the same key exchange for all: a peer's OpenSSL may know no other, and what it takes stays with the connection.
  const agent = new Agent({ ...tlsOf(target), keepAlive: true, maxSockets: Infinity, ecdhCurve: "X25519" });
  const polls: ReturnType<typeof request>[] = [];
  const weighedAt = async (count: number): Promise<number> => {
    while (polls.length < count) {
      const some = Math.min(AT_ONCE, count - polls.length);
      await Promise.all(Array.from({ length: some }, () => hold(target, agent, polls)));
    }
    await wait(settleMs);
    const ended = polls.filter((poll) => poll.socket?.destroyed !== false).length;
    if (ended > 0) throw new Error(`${ended} of ${count} polls were not held`);
    return pssKilobytes(proxy.pid);
  };
  try {
    const before = await weighedAt(few);
    return ((await weighedAt(many)) - before) / (many - few);
  } finally {
    for (const poll of polls) poll.destroy();
    agent.destroy();
    await wait(1000);
  }
}

function hold({ port }: WebTarget, agent: Agent, polls: ReturnType<typeof request>[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const poll = request({ host: "127.0.0.1", port, path: "/hold", method: "POST", agent, headers: { "Content-Length": 0 } });
    polls.push(poll);
    poll.on("error", reject);
    poll.on("finish", () => resolve());
    poll.end();
  });
}

const tlsOf = ({ ca }: WebTarget) => ({ ca, servername: "bench.test" });

function download(target: WebTarget, bytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port: target.port, path: `/large?${bytes}`, agent: false, ...tlsOf(target) });
    asked.on("error", reject);
    asked.on("response", (response) => {
      let got = 0;
      response.on("data", (chunk: Buffer) => (got += chunk.length));
      response.on("error", reject);
      response.on("end", () => (got === bytes ? resolve() : reject(new Error(`${got} of ${bytes} bytes came`))));
    });
    asked.end();
  });
}

const PIECE = Buffer.alloc(256 * 1024, "x");

function upload(target: WebTarget, bytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = { "Content-Length": bytes };
    const asked = request({
      host: "127.0.0.1",
      port: target.port,
      path: "/up",
      method: "PUT",
      headers,
      agent: false,
      ...tlsOf(target),
    });
    asked.on("error", reject);
    asked.on("response", (response) => {
      let said = "";
      response.on("data", (chunk: Buffer) => (said += chunk.toString()));
      response.on("end", () => (said === String(bytes) ? resolve() : reject(new Error(`${said} of ${bytes} bytes came`))));
    });
    let left = bytes;
    const more = (): void => {
      while (left > 0) {
        const piece = PIECE.subarray(0, Math.min(left, PIECE.length));
        left -= piece.length;
        if (!asked.write(piece)) return void asked.once("drain", more);
      }
      asked.end();
    };
    more();
  });
}
