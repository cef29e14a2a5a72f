// The real program in a process of its own, for tests: writes a configuration, spawns bin/postern serve, waits for its
// ready lines, collects its log, stops it by its process id. stop() rejects when a secret stands in what it wrote.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePorts } from "@postern/testing";
import { secretIn } from "./mailboxes.ts";
import { until } from "./until.ts";

export const POSTERN = fileURLToPath(new URL("../../../bin/postern", import.meta.url));

export type Json = Record<string, unknown>;

export interface GatewayOptions {
  /** By a name of the test's choice; each without an address gets a free port of 127.0.0.1. */
  readonly listeners: Readonly<Record<string, Json>>;
  readonly backends: Json;
  /** Everything else of the configuration; `limits` and `log` are merged with the tests' own. */
  readonly config?: Json;
  readonly routes: readonly Json[];
  /** Files of its folder by name: certificates. */
  readonly files?: Readonly<Record<string, string | Buffer>>;
}

export interface Gateway {
  readonly pid: number;
  /** Its temporary folder: configuration and files. */
  readonly folder: string;
  readonly config: string;
  /** What it said on stdout: one line a listener. */
  readonly lines: readonly string[];
  /** The port of a listener by its name. */
  port(name: string): number;
  /** All that it logged so far. */
  log(): readonly Json[];
  /** All that it wrote so far, as it is. */
  written(): string;
  /** Waits until a line of the log has these fields (RegExps are matched); the line. */
  logged(fields: Json): Promise<Json>;
  /** Writes another configuration (the same listeners keep their ports), without telling the process. */
  rewrite(change: Partial<GatewayOptions>): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** Its exit code, once it has ended. */
  ended(): Promise<number | null>;
  /** SIGTERM; resolves with the exit code when it is gone and its folder removed. Safe to call more than once. */
  stop(): Promise<number | null>;
}

const START_MS = 30_000;
const TRIES = 3;

/** A listener in the process's own words, before it has a port. */
function configText(options: GatewayOptions, ports: ReadonlyMap<string, number>): string {
  const { limits = {}, log = {}, ...rest } = (options.config ?? {}) as { limits?: Json; log?: Json };
  const { login = {}, ...otherLimits } = limits as { login?: Json };
  const config = {
    hostname: "mail.example.com",
    defaultDomain: "example.com",
    workers: 1,
    tls: { certificates: [{ cert: "server.pem", key: "server.key" }] },
    shutdown: { drain: "500ms" },
    ...rest,
    listeners: Object.entries(options.listeners).map(([name, listener]) => ({
      address: `127.0.0.1:${ports.get(name) ?? 0}`,
      ...listener,
    })),
    backends: options.backends,
    routes: options.routes,
    limits: { ...otherLimits, login: { failureDelay: "0s", ...login } },
    log: { level: "debug", format: "json", ...log },
  };
  // JSON is YAML.
  return JSON.stringify(config, null, 2);
}

/** Starts it; resolves when all its listeners are open. */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  for (let attempt = 1; ; attempt += 1) {
    const folder = await mkdtemp(join(tmpdir(), "postern-"));
    const names = Object.keys(options.listeners);
    const free = await freePorts(names.length);
    const ports = new Map(names.map((name, index) => [name, free[index] ?? 0]));
    const config = join(folder, "postern.yaml");
    for (const [name, content] of Object.entries(options.files ?? {}))
      await writeFile(join(folder, name), content, { mode: 0o600 });
    await writeFile(config, configText(options, ports));
    const running = launch([POSTERN, "serve", "--config", config]);
    try {
      await running.ready(names.length);
    } catch (error) {
      await running.stop();
      await rm(folder, { recursive: true, force: true });
      // Another program can take a port between our look and the gateway's.
      if (attempt === TRIES || !/another program listens there/.test(String(error))) throw error;
      continue;
    }
    const rewrite = (change: Partial<GatewayOptions>): Promise<void> =>
      writeFile(config, configText({ ...options, ...change }, ports));
    const stop = async (): Promise<number | null> => {
      const code = await running.stop();
      await rm(folder, { recursive: true, force: true });
      return code;
    };
    return {
      ...running,
      pid: running.pid,
      lines: running.lines(),
      folder,
      config,
      port: (name) => ports.get(name) ?? 0,
      rewrite,
      stop,
    };
  }
}

export interface Launched extends Pick<Gateway, "pid" | "log" | "written" | "logged" | "signal" | "ended" | "stop"> {
  lines(): readonly string[];
  /** Waits until it has said so many lines on stdout; rejects with its own words when it ends before. */
  ready(lines: number): Promise<void>;
}

export interface LaunchOptions {
  readonly cwd?: string;
}

/** Starts a program and collects what it writes. */
export function launch([program = "", ...args]: readonly string[], { cwd }: LaunchOptions = {}): Launched {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], ...(cwd !== undefined && { cwd }) });
  const out = collect(child, "stdout");
  const err = collect(child, "stderr");
  let failed = "";
  child.on("error", (error) => (failed = error.message));
  // Its output is whole when its pipes are closed.
  const closed = once(child, "close").then(() => child.exitCode);
  // A test run that is cut short must not leave it behind.
  const killNow = (): void => void child.kill("SIGKILL");
  process.once("exit", killNow);
  void closed.then(() => process.off("exit", killNow));
  const written = (): string => out() + err();
  const lines = (): string[] => out().split("\n").filter(Boolean);
  const log = (): Json[] => err().split("\n").flatMap(jsonLine);
  return {
    pid: child.pid ?? 0,
    lines,
    log,
    written,
    logged: (fields) =>
      until(
        () => log().find((line) => fits(line, fields)),
        () => `a log line with ${shown(fields)} in:\n${err()}`,
      ),
    signal: (name) => void child.kill(name),
    ended: () => closed,
    async ready(count) {
      const over = (): boolean => child.exitCode !== null || failed !== "";
      await until(() => lines().length >= count || over() || undefined, written, START_MS);
      if (over()) throw new Error(`It does not start: ${failed}${written()}`);
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
      const killer = setTimeout(killNow, 20_000);
      const code = await closed;
      clearTimeout(killer);
      const secret = secretIn(written());
      if (secret !== undefined) throw new Error(`The gateway wrote a secret: ${secret}`);
      return code;
    },
  };
}

function collect(child: ChildProcess, name: "stdout" | "stderr"): () => string {
  let text = "";
  child[name]?.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  return () => text;
}

// A line that is only half there yet, or Node's own words, is not of the log.
function jsonLine(text: string): Json[] {
  try {
    return text.startsWith("{") ? [JSON.parse(text) as Json] : [];
  } catch {
    return [];
  }
}

export function fits(line: Json, fields: Json): boolean {
  return Object.entries(fields).every(([name, wanted]) =>
    wanted instanceof RegExp ? wanted.test(String(line[name])) : line[name] === wanted,
  );
}

const shown = (fields: Json): string =>
  Object.entries(fields)
    .map(([name, wanted]) => `${name}=${String(wanted)}`)
    .join(" ");

/** Memory of a process and its children, kB: what /proc says of its proportional share. */
export function memoryKb(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  const own = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"));
  return Number(own?.[1] ?? 0) + children.reduce((sum, child) => sum + memoryKb(child), 0);
}

/** The process ids of its workers. */
export function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
}
