// The measures of mail: what a message and what a megabyte costs. CPU is that of the proxy's whole process tree. Each message
// was accepted, or the measure fails.

import { cpuSeconds } from "../processes.ts";
import type { Running } from "../proxies.ts";
import { bodyOf, open, type MailTarget } from "./client.ts";

export interface Load {
  readonly messages: number;
  readonly perConnection: number;
  readonly bytes: number;
  readonly atOnce: number;
}

/** CPU seconds of the proxy for a load. */
export async function cpuOf(proxy: Running, target: MailTarget, load: Load): Promise<number> {
  const body = bodyOf(load.bytes);
  let left = load.messages;
  const one = async (): Promise<void> => {
    while (left > 0) {
      const some = Math.min(load.perConnection, left);
      left -= some;
      const sender = await open(target);
      for (let index = 0; index < some; index++) await sender.send(body);
      await sender.quit();
    }
  };
  const before = cpuSeconds(proxy.pid);
  await Promise.all(Array.from({ length: load.atOnce }, one));
  return cpuSeconds(proxy.pid) - before;
}
