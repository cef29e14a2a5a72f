// `postern serve`: reads the configuration, starts the node, and obeys signals: SIGHUP reloads, SIGTERM and SIGINT drain
// and end, a second one ends at once. Returns the exit code: 0 done, 1 when it could not start.

import { readFileSync } from "node:fs";
import { configFile, type CommandArgs } from "@postern/config";
import { selfSigned } from "@postern/certs";
import { createLogger, type ReopeningLogger } from "@postern/telemetry";
import { createNode, workerCount, type RunningNode } from "./node.ts";
import type { Source } from "./orders.ts";
import { activatedSockets } from "./systemd/activation.ts";
import { createNotifier, type Notifier } from "./systemd/notify.ts";
import { ticketKeys, type SharedTls } from "./tls-store.ts";
import { usableConfig } from "./usable.ts";
import { reopenLog } from "./reopen-log.ts";
import { runWorker } from "./worker.ts";
import { WORKER_FLAG } from "./worker-pool.ts";

export async function runServe(args: CommandArgs): Promise<number> {
  if (process.env[WORKER_FLAG] !== undefined) return runWorker();
  const source = readSource(args);
  const result = await usableConfig(source);
  if ("problems" in result) return complain(result.problems);
  const { config, warnings } = result;
  for (const warning of warnings) process.stderr.write(`${warning}\n`);
  const logger = createLogger(config.log);
  const notifier = createNotifier(process.env, { onProblem: (reason) => logger.warn("systemd could not be told", { reason }) });
  try {
    const shared: SharedTls = {
      ticketKeys: await ticketKeys(config.tls.ticketKeyFile),
      selfSigned: config.tls.selfSigned ? selfSignedFor(config.hostname) : undefined,
    };
    const node = createNode({ config, source, shared, sockets: activatedSockets(process.env, process.pid), logger });
    const status = `Serving ${config.listeners.length} listeners with ${workerCount(config)} workers`;
    const starting = node.start();
    const told = untilTold({ args, node, logger, notifier, status, starting });
    const lines = await starting;
    for (const line of lines) process.stdout.write(`${line}\n`);
    await notifier.ready(status);
    logger.info("started", { listeners: lines, workers: workerCount(config) });
    await told;
    notifier.close();
    return 0;
  } catch (error) {
    return complain([error instanceof Error ? error.message : String(error)]);
  }
}

function selfSignedFor(hostname: string): SharedTls["selfSigned"] {
  const names = [...new Set([hostname, "localhost", "127.0.0.1", "::1"])];
  return { ...selfSigned(names), names };
}

/** The file's text is read once; a missing file is left to the configuration's own error. */
export function readSource({ config, flags }: Pick<CommandArgs, "config" | "flags">): Source {
  const file = configFile(config, flags);
  try {
    return { file, text: file === undefined ? undefined : readFileSync(file, "utf8"), flags };
  } catch {
    return { file, text: undefined, flags };
  }
}

function complain(problems: readonly string[]): number {
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  return 1;
}

interface Watch {
  readonly args: CommandArgs;
  readonly node: RunningNode;
  readonly logger: ReopeningLogger;
  readonly notifier: Notifier;
  readonly status: string;
  /** What is told before this is done is obeyed after it. */
  readonly starting: Promise<unknown>;
}

/** Obeys signals until the node has drained. */
function untilTold({ args, node, logger, notifier, status, starting }: Watch): Promise<void> {
  let work: Promise<unknown> = starting;
  let stopping = false;
  return new Promise((resolve) => {
    process.on("SIGHUP", () => {
      // A reload would open the listeners again.
      if (stopping) return;
      work = work.then(async () => {
        await notifier.reloading();
        reopenLog(logger);
        node.reopenLogs();
        await reload(args, node, logger);
        await notifier.ready(status);
      });
    });
    const stop = (signal: string): void => {
      if (stopping) process.exit(1);
      stopping = true;
      logger.info("stopping", { signal });
      void notifier.stopping("Saying goodbye to all sessions");
      // Neither closed sockets nor the clock's timers keep the process alive until the drain is over.
      const awake = setInterval(() => {}, 60_000);
      const drained = work.then(() => node.drain());
      void drained.finally(() => clearInterval(awake)).then(resolve, resolve);
    };
    process.on("SIGTERM", stop);
    process.on("SIGINT", stop);
  });
}

/** A bad configuration is refused with every problem in the log, and the old one stays. */
async function reload(args: CommandArgs, node: RunningNode, logger: Watch["logger"]): Promise<void> {
  const source = readSource(args);
  const result = await usableConfig(source);
  if ("problems" in result) return logger.error("not reloaded, the old configuration stays", { problems: result.problems });
  try {
    const lines = await node.reload(result.config, source);
    logger.info("reloaded", { listeners: lines });
  } catch (error) {
    logger.error("not reloaded, the old configuration stays", { reason: error instanceof Error ? error.message : String(error) });
  }
}
