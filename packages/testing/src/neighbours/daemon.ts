// The life of a real neighbour: a folder of its own, a process that is started and awaited there, its words kept in files,
// stopped by its handle. A run that is cut short takes it along. Throws Error with the daemon's own words when it does not
// start, or ends before it is ready.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

const TRIES = 3;
const START_MS = 15_000;
const STOP_MS = 10_000;
const OUTPUT = "output";

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  /** Variables beside those of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Is it there? Asked until it is. */
  readonly ready: () => Promise<boolean>;
}

/** Is this program installed here? */
export function isInstalled(command: string): Promise<boolean> {
  return access(command).then(
    () => true,
    () => false,
  );
}

/**
 * Gives `start` a daemon with an empty folder, and stops it when that fails; tries again when somebody else took a port
 * between our look and its start. `logFile` is where in the folder it writes its log; its standard output by default.
 */
export async function startDaemon<T>(
  { name, logFile = OUTPUT }: { readonly name: string; readonly logFile?: string },
  start: (daemon: Daemon) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const daemon = new Daemon(name, await mkdtemp(join(tmpdir(), `${name.toLowerCase()}-`)), logFile);
    try {
      return await start(daemon);
    } catch (error) {
      await daemon.stop();
      if (attempt === TRIES || !/bind\(\d+\) failed|Address already in use/.test(String(error))) throw error;
    }
  }
}

export class Daemon {
  readonly folder: string;
  readonly #name: string;
  readonly #logFile: string;
  readonly #read = new Map<string, string>();
  #child: ChildProcess | undefined;

  constructor(name: string, folder: string, logFile: string) {
    this.#name = name;
    this.folder = folder;
    this.#logFile = logFile;
  }

  /** The path of a file in its folder. */
  file(name: string): string {
    return join(this.folder, name);
  }

  /** Starts the program, once it does not run; resolves when it is ready. */
  async start({ command, args, environment = {}, ready }: Program): Promise<void> {
    // Not a pipe: a process of its own that outlives the daemon would hold it open.
    const output = openSync(this.file(OUTPUT), "a");
    const env = { ...process.env, ...environment };
    const child = spawn(command, args, { env, stdio: ["ignore", output, output] });
    closeSync(output);
    this.#child = child;
    process.once("exit", this.#terminate);
    let failed = "";
    child.on("error", (error) => (failed = error.message));
    const began = Date.now();
    while (!(await ready())) {
      const over = hasEnded(child) || failed !== "";
      if (over || Date.now() - began > START_MS) throw new Error(`${this.#name} does not start: ${failed}${this.#words()}`);
      await wait(20);
    }
  }

  /** 0 when it does not run. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** All that it logged so far, also after it was stopped. */
  log(): string {
    return this.#textOf(this.#logFile);
  }

  /** Ends the process and keeps the folder. */
  async end(): Promise<void> {
    const child = this.#child;
    if (child?.pid !== undefined && !hasEnded(child)) {
      const exit = once(child, "exit");
      this.#terminate();
      const killer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
      await exit;
      clearTimeout(killer);
    }
    this.#child = undefined;
    process.off("exit", this.#terminate);
  }

  /** Ends the process and removes the folder. Safe to call more than once. */
  async stop(): Promise<void> {
    await this.end();
    this.log();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }

  // A daemon with processes of its own takes them along; one that stands still must go on to hear it.
  readonly #terminate = (): void => {
    this.signal("SIGCONT");
    this.signal("SIGTERM");
  };

  #words(): string {
    return [...new Set([OUTPUT, this.#logFile])].map((name) => this.#textOf(name)).join("");
  }

  #textOf(name: string): string {
    try {
      this.#read.set(name, readFileSync(this.file(name), "utf8"));
    } catch (error) {
      // Not written yet, or removed by stop(): what was read last stands.
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    }
    return this.#read.get(name) ?? "";
  }
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null;
