// A worker process: takes orders from the primary, runs a gateway, drains when told to or when the primary is gone.

import { createLogger, type ReopeningLogger } from "@postern/telemetry";
import type { Logger } from "@postern/contracts";
import { ipcState } from "@postern/state";
import { Gateway } from "./gateway.ts";
import { configOf, isToWorker, type FromWorker, type Orders } from "./orders.ts";
import type { GatewayConfig } from "./parts.ts";
import { reopenLog } from "./reopen-log.ts";

/** Runs until the drain is over; the exit code. */
export function runWorker(): Promise<number> {
  // Signals are for the primary, which tells its workers; a terminal sends them to all.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => {});
  let gateway: Gateway | undefined;
  let logger: ReopeningLogger | undefined;
  let work: Promise<void> = Promise.resolve();
  let draining = false;
  const take = async (orders: Orders): Promise<void> => {
    if (draining) return answer({ type: "postern.failed", reason: "The worker is stopping" });
    try {
      const config = configFrom(orders);
      logger ??= createLogger(config.log);
      gateway ??= firstGateway(orders, logger);
      await gateway.apply(config);
      answer({ type: "postern.ready", lines: gateway.lines() });
    } catch (error) {
      answer({ type: "postern.failed", reason: error instanceof Error ? error.message : String(error) });
    }
  };
  return new Promise((resolve) => {
    const drain = async (): Promise<void> => {
      // Orders that are being obeyed come first: what they open is closed again.
      await work;
      await gateway?.drain();
      // The channel to the primary would keep an idle process alive until it is killed.
      process.channel?.unref();
      resolve(0);
    };
    const stop = (): void => {
      if (draining) return;
      draining = true;
      void drain();
    };
    process.on("message", (message: unknown) => {
      if (!isToWorker(message)) return;
      if (message.type === "postern.drain") return stop();
      if (message.type === "postern.reopen") return logger === undefined ? undefined : reopenLog(logger);
      work = work.then(() => take(message.orders));
    });
    process.once("disconnect", stop);
  });
}

function configFrom(orders: Orders): GatewayConfig {
  const result = configOf(orders.source);
  if ("problems" in result) throw new Error(result.problems.join("\n"));
  return result.config;
}

function firstGateway(orders: Orders, logger: Logger): Gateway {
  return new Gateway({
    logger,
    state: ipcState(process, logger),
    shared: { ticketKeys: Buffer.from(orders.ticketKeys, "base64"), selfSigned: orders.selfSigned },
    listen: { shared: true, first: orders.first, sockets: new Map(orders.sockets) },
  });
}

function answer(message: FromWorker): void {
  if (process.connected) process.send?.(message);
}
