// Starts programs pinned to one core, and reads what they cost from /proc. Linux only.
// Never ends a process that it did not start itself. Throws when a program ends early or its port stays closed.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { openSync, closeSync, readFileSync, readdirSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as wait } from "node:timers/promises";

/** The core of the load generator and the fake backend, and the core of the proxies. */
export const LOAD_CORE = 0;
export const PROXY_CORE = 1;

const TICKS_PER_SECOND = 100; // USER_HZ: fixed in the Linux ABI

export interface Program {
  readonly pid: number;
  readonly logFile: string;
  readonly child: ChildProcess;
}

const started = new Set<Program>();

/** Starts `command` on one core; its output goes to `logFile`. */
export function startPinned(core: number, command: readonly string[], logFile: string, env: NodeJS.ProcessEnv = {}): Program {
  const log = openSync(logFile, "a");
  const child = spawn("taskset", ["-c", String(core), ...command], {
    stdio: ["ignore", log, log],
    env: { ...process.env, ...env },
  });
  closeSync(log);
  if (child.pid === undefined) throw new Error(`cannot start ${command.join(" ")}`);
  const program = { pid: child.pid, logFile, child };
  started.add(program);
  return program;
}

/** Ends at once everything that was started and not stopped: for a run that is interrupted. */
export function stopAll(): void {
  for (const program of started) for (const pid of tree(program.pid)) signal(pid, "SIGKILL");
}

/** Resolves when the port answers; throws with the end of the log when the program ends first or after 15 s. */
export async function portOpen(program: Program, port: number): Promise<void> {
  for (let attempt = 0; attempt < 150; attempt++) {
    if (program.child.exitCode !== null) break;
    if (await answers(port)) return;
    await wait(100);
  }
  throw new Error(`port ${port} stays closed; the log ends with: ${readFileSync(program.logFile, "utf8").trim().slice(-600)}`);
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** Asks the program to end, waits up to 5 s, then ends what is left of its tree, process by process. */
export async function stop(program: Program): Promise<void> {
  const pids = tree(program.pid);
  started.delete(program);
  signal(program.pid, "SIGTERM");
  for (let attempt = 0; attempt < 50 && program.child.exitCode === null && program.child.signalCode === null; attempt++)
    await wait(100);
  for (const pid of pids) signal(pid, "SIGKILL");
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** The fields of /proc/PID/stat after the command name; undefined when the process is gone. */
function stat(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined; // gone
  }
}

/** A process and all that descend from it. */
export function tree(root: number): number[] {
  const childrenOf = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const parent = Number(stat(Number(name))?.[1]);
    childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), Number(name)]);
  }
  const found = [root];
  for (let index = 0; index < found.length; index++) found.push(...(childrenOf.get(found[index] ?? 0) ?? []));
  return found;
}

/** User and system seconds of the tree so far, with those of children that have ended. */
export function cpuSeconds(root: number): number {
  let ticks = 0;
  for (const pid of tree(root)) {
    const fields = stat(pid);
    if (fields !== undefined) for (const field of fields.slice(11, 15)) ticks += Number(field);
  }
  return ticks / TICKS_PER_SECOND;
}

/** Proportional set size of the tree, kB. */
export function pssKilobytes(root: number): number {
  let sum = 0;
  for (const pid of tree(root)) {
    try {
      sum += Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "latin1"))?.[1] ?? 0);
    } catch {
      // gone since it was listed
    }
  }
  return sum;
}
