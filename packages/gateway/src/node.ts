// A running node: one process, or a primary with workers. Both start, take a new configuration, and drain.

import { systemClock, type Logger } from "@postern/contracts";
import { listenAddressText } from "@postern/config";
import { listen } from "@postern/net";
import { createMemoryState } from "@postern/state";
import { availableParallelism } from "node:os";
import { Gateway } from "./gateway.ts";
import type { Source } from "./orders.ts";
import type { GatewayConfig } from "./parts.ts";
import type { ActivatedSockets } from "./systemd/activation.ts";
import type { SharedTls } from "./tls-store.ts";
import { WorkerPool } from "./worker-pool.ts";

export interface RunningNode {
  /** Opens the listeners; one line per listener. Throws what cannot be opened. */
  start(): Promise<readonly string[]>;
  /** New sessions get the new configuration. Throws, with the old one in service, when it cannot be applied. */
  reload(config: GatewayConfig, source: Source): Promise<readonly string[]>;
  /** Opens the log files of other processes anew. */
  reopenLogs(): void;
  /** Says goodbye to all sessions within the drain time. */
  drain(): Promise<void>;
}

export interface NodeParts {
  readonly config: GatewayConfig;
  readonly source: Source;
  readonly shared: SharedTls;
  readonly sockets: ActivatedSockets;
  readonly logger: Logger;
}

/** How many processes serve: one for each core, or as many as the configuration says. */
export function workerCount(config: GatewayConfig): number {
  return config.workers === "auto" ? availableParallelism() : config.workers;
}

export function createNode(parts: NodeParts): RunningNode {
  const workers = workerCount(parts.config);
  return workers === 1 ? singleProcess(parts) : manyProcesses(parts, workers);
}

function singleProcess({ config, shared, sockets, logger }: NodeParts): RunningNode {
  const gateway = new Gateway({ logger, state: createMemoryState(), shared, listen: { shared: false, first: true, sockets } });
  const apply = async (next: GatewayConfig): Promise<readonly string[]> => {
    await gateway.apply(next);
    return gateway.lines();
  };
  return { start: () => apply(config), reload: apply, reopenLogs: () => {}, drain: () => gateway.drain() };
}

function manyProcesses({ config, source, shared, sockets, logger }: NodeParts, workers: number): RunningNode {
  let drainMs = config.shutdown.drain;
  const pool = new WorkerPool({ workers, shared, sockets, logger, clock: systemClock });
  return {
    async start() {
      await requireFreePorts(config);
      return pool.start(source);
    },
    async reload(next, nextSource) {
      const lines = await pool.reload(nextSource);
      drainMs = next.shutdown.drain;
      return lines;
    },
    reopenLogs: () => pool.reopenLogs(),
    drain: () => pool.drain(drainMs),
  };
}

/**
 * Workers share their ports, and the system would let another program of the same user share them too: so each is opened
 * once by the primary alone, and closed again, before the workers open it.
 */
async function requireFreePorts(config: GatewayConfig): Promise<void> {
  for (const { address } of config.listeners) {
    if (address.kind !== "tcp") continue;
    const { host, port } = address;
    if (port === 0)
      throw new Error(
        `Cannot listen on ${listenAddressText(address)}: port 0 needs workers: 1, so that all clients find the same port`,
      );
    try {
      const listening = await listen(
        { port, ...(host !== undefined && { host }) },
        (socket) => socket.destroy(),
        () => {},
      );
      await listening.close();
    } catch (error) {
      throw new Error(
        `Cannot listen on ${listenAddressText(address)}: ${error instanceof Error ? error.message : String(error)}`,
        { cause: error },
      );
    }
  }
}
